#!/usr/bin/env bash
# Makes the README's pictures of the arena anew, from real runs: arena.png, overlay.png and
# arena.webp, which moves.
#
#   assets/make_pictures.sh [FOLDER]        # into assets/, or into another folder
#   ARENA=path/to/arena assets/make_pictures.sh
#
# Without ARENA, it builds a release. It needs Xvfb, xdotool, ImageMagick and ffmpeg; without a GPU, it needs a Vulkan driver, too:
#   apt-get install xvfb xdotool imagemagick ffmpeg mesa-vulkan-drivers libxcursor1 libxi6 libxkbcommon-x11-0
set -euo pipefail
cd "$(dirname "$0")/.."
for tool in Xvfb xdotool import convert ffmpeg; do
  command -v "$tool" >/dev/null || { echo "$tool is missing"; exit 1; }
done
out="$(realpath "${1:-assets}")"
if [ -z "${ARENA:-}" ]; then
  cargo build --locked --release --example arena
  ARENA="${CARGO_TARGET_DIR:-target}/release/examples/arena"
fi

# Accounts of this run alone, and a screen that nobody sees.
folder="$(mktemp -d)"
export XDG_DATA_HOME="$folder" XDG_RUNTIME_DIR="$folder"
width=600 height=440 gap=8
screen=$((2 * width + gap))x$height
large=960x600 # of a picture of one window
export DISPLAY=:78
started=()
finish() {
  for process in "${started[@]}"; do kill "$process" 2>/dev/null || true; done
  wait
  rm -rf "$folder"
}
trap finish EXIT
Xvfb "$DISPLAY" -screen 0 "$((2 * width + gap))x${large#*x}x24" -nolisten tcp >"$folder/xvfb.log" 2>&1 &
started+=($!)
sleep 1

# The server is an arena that nobody sees, in which nobody meets the others.
start_server() {
  "$ARENA" --headless --port 7379 --arena nowhere --bots 0 >>"$folder/server.log" 2>&1 &
  server=$!
  started+=("$server")
}

# A window of the arena, at a place on the screen: its id is in $window.
open_window() { # name, left edge, bots
  "$ARENA" --name "$1" --server http://127.0.0.1:7379 --bots "$3" --size "${width}x$height" >"$folder/$1.log" 2>&1 &
  started+=($!)
  for _ in $(seq 100); do
    sleep 0.2
    window="$(xdotool search --onlyvisible --pid "${started[-1]}" 2>/dev/null | tail -1)" || true
    if [ -n "$window" ]; then break; fi
  done
  xdotool windowmove "$window" "$2" 0
}

# The mouse goes to a place, counted from the window's lower right corner, as the panels are; then it may click.
x=0 y=0
point() { # left edge of the window, from the right, from below
  local to_x=$(($1 + width - $2)) to_y=$((height - $3)) step
  for step in 1 2 3 4 5 6; do
    xdotool mousemove $((x + (to_x - x) * step / 6)) $((y + (to_y - y) * step / 6))
    sleep 0.04
  done
  x=$to_x y=$to_y
}
click() {
  point "$@"
  sleep 0.3
  xdotool mousedown 1
  sleep 0.15
  xdotool mouseup 1
  sleep 0.35
}
keys() { # window, keys
  local window=$1
  shift
  xdotool windowfocus "$window"
  sleep 0.1
  for key in "$@"; do
    xdotool keydown "$key"
    sleep 0.12
    xdotool keyup "$key"
  done
}
walk() { # window, key, seconds
  xdotool windowfocus "$1"
  sleep 0.1
  xdotool keydown "$2"
  sleep "$3"
  xdotool keyup "$2"
}
say() { # window, text
  keys "$1" Return
  sleep 0.2
  xdotool type --delay 35 "$2"
  sleep 0.2
  keys "$1" Return
}
picture() { # file, x11 geometry
  import -window root -crop "$2" +repage "$folder/$1"
}

left=0
right=$((width + gap))
start_server
sleep 1
open_window Ada $left 2
ada=$window
sleep 5
open_window Linus $right 0
linus=$window
sleep 7

# On the screen: the server is killed, and comes back; then a party forms, and the overlay opens.
ffmpeg -loglevel error -y -f x11grab -draw_mouse 1 -framerate 10 -video_size "$screen" -i "$DISPLAY" \
  -c:v ffv1 "$folder/moving.mkv" </dev/null &
film=$!
walk "$linus" Up 0.5
keys "$linus" space
say "$ada" "Join us!"
kill -KILL "$server"
wait "$server" 2>/dev/null || true
sleep 3.5
start_server
sleep 2.5
keys "$ada" space
walk "$linus" Right 0.5
click $left 90 78   # new, closed
click $left 190 74  # invite
sleep 0.4
click $right 41 79  # join
sleep 0.4
for _ in 1 2 3; do click $left 88 144; done # let in
keys "$ada" F1
click $left 354 $((height - 73)) # the overlay's page of parties
sleep 1
kill -INT "$film"
wait "$film" || true
picture overlay.png "486x393+$((width - 494))+8"

# In one window.
keys "$ada" F1
xdotool windowsize "$ada" "${large%x*}" "${large#*x}" windowraise "$ada"
xdotool mousemove 0 0
sleep 3
picture arena.png "$large+0+0"

for file in overlay arena; do
  convert "$folder/$file.png" -strip -colors 192 "$out/$file.png"
done
ffmpeg -loglevel error -y -i "$folder/moving.mkv" -c:v libwebp_anim -lossless 0 -quality 50 -compression_level 6 -loop 0 \
  "$out/arena.webp"
ls -l "$out"/arena.webp "$out"/arena.png "$out"/overlay.png
