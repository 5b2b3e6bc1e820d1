//! A real cable between a game and the server: a pair of virtual network devices, and a network of its own for either end.
//!
//! Each test starts itself once more in a network without any device. There it is the game, and starts itself a third time, in a
//! network of its own, as the server. Linux removes both networks with their last process, whatever
//! happens. Names of servers are looked up in a file of the test's own. Where the machine does not allow this, a test says that it is
//! skipped.

mod addresses_change;
mod cables_are_pulled;
mod directions_die;

use std::{
    any::type_name,
    env, fs,
    io::{BufRead, BufReader, Read, stdin},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{self, Child, Command, Stdio},
    time::{Duration, Instant},
};

use bevy_nakama::{
    connection::ConnectionState,
    local_server::{LocalServer, LocalServerConfig},
    prelude::*,
};

use super::stage::{Everybody, Line, Stage, millis, seconds};

/// Which part a process plays: the test sets it for the processes that it starts.
const PART: &str = "BEVY_NAKAMA_CABLE";
const PORT: u16 = 7350;
/// What the processes say to those that started them.
const LISTENS: &str = "the server listens";
const PLAYED: &str = "the game was played to its end";

/// Ada's cable, and Bob's. The name is that of the device at either end, and of the server behind it.
struct Net {
    server: Child,
    /// What stands for `/etc/hosts` in there.
    hosts: PathBuf,
}

/// Which of Ada's directions.
#[derive(Clone, Copy)]
enum Way {
    ToServer,
    ToClient,
}

/// Plays a test in a network of its own. `play` is a function of the test, by whose name the test is found.
fn on_a_cable<F: FnOnce(&mut Stage<Net>)>(play: F) {
    match env::var(PART).as_deref() {
        Ok("server") => serve(),
        Ok(_) => {
            let mut stage = Net::stage::<F>();
            play(&mut stage);
            println!("{PLAYED}");
        }
        Err(_) => {
            let Some(mut apart) = apart() else {
                println!(
                    "skipped: this machine does not let a test have a network of its own (Linux, `unshare`, `ip`, root)"
                );
                return;
            };
            let done = myself::<F>(&mut apart, "game").output().expect("a process");
            let [out, err] =
                [done.stdout, done.stderr].map(|it| String::from_utf8_lossy(&it).into_owned());
            print!("{out}");
            assert!(
                done.status.success() && out.contains(PLAYED),
                "{out}\n{err}"
            );
        }
    }
}

/// A command that runs another one in a network of its own: as root, or as somebody who is root in there only.
fn apart() -> Option<Command> {
    let ways: [&[&str]; 2] = [
        &["--net", "--mount"],
        &["--net", "--mount", "--map-root-user"],
    ];
    let works = |way: &&&[&str]| {
        let probe = [
            "ip", "link", "add", "ada", "type", "veth", "peer", "name", "bob",
        ];
        let done = Command::new("unshare").args(**way).args(probe).output();
        done.is_ok_and(|done| done.status.success())
    };
    ways.iter().find(works).map(|way| {
        let mut command = Command::new("unshare");
        command.args(*way);
        command
    })
}

/// Lets `command` run this test, in another part.
fn myself<'c, F>(command: &'c mut Command, part: &str) -> &'c mut Command {
    let name = type_name::<F>().trim_start_matches("suite::");
    let name = name.trim_end_matches("::{{closure}}");
    let program = env::current_exe().expect("a program");
    let args = [name, "--exact", "--nocapture"];
    command.arg(program).args(args).env(PART, part)
}

/// Until nobody listens any more.
fn serve() {
    let config = LocalServerConfig {
        address: SocketAddr::from(([0, 0, 0, 0], PORT)),
        ..Default::default()
    };
    let _server = LocalServer::start(config).expect("a server");
    println!("{LISTENS}");
    // It ends with the game.
    let _ = stdin().read(&mut [0]);
}

impl Net {
    /// Two cables, the server at the one end, and Ada and Bob at the other.
    fn stage<F>() -> Stage<Self> {
        let mut apart = Command::new("unshare");
        let server = myself::<F>(apart.arg("--net"), "server")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut net = Self {
            server: server.expect("a process"),
            hosts: env::temp_dir().join(format!("bevy_nakama-hosts-{}", process::id())),
        };
        let out = net.server.stdout.take().expect("its output");
        let listens = BufReader::new(out).lines().map_while(Result::ok);
        assert!({ listens }.any(|line| line.contains(LISTENS)), "no server");
        let there = net.server.id();
        for (name, subnet) in [("ada", 1), ("bob", 2)] {
            net.ip(&format!(
                "link add {name} type veth peer name {name} netns {there}"
            ));
            net.ip(&format!("addr add 10.0.{subnet}.2/24 dev {name}"));
            net.ip_there(&format!("addr add 10.0.{subnet}.1/24 dev {name}"));
            net.ip(&format!("link set {name} up"));
            net.ip_there(&format!("link set {name} up"));
        }
        net.servers_are_at("10.0.1.1", "10.0.2.1");
        run(Command::new("mount")
            .arg("--bind")
            .args([net.hosts.as_path(), Path::new("/etc/hosts")]));
        let [ada, bob] = ["ada", "bob"].map(|name| {
            let url = format!("http://{name}:{PORT}");
            NakamaServer::new(url, LocalServerConfig::default().server_key)
        });
        Stage::open(net, &ada, &bob, NakamaSettings::default())
    }

    /// What the names of the servers mean from now on.
    fn servers_are_at(&self, ada: &str, bob: &str) {
        let names = format!("127.0.0.1 localhost\n{ada} ada\n{bob} bob\n");
        fs::write(&self.hosts, names).expect("a folder for temporary files");
    }

    /// Sets up the game's end.
    #[track_caller]
    fn ip(&self, args: &str) {
        run(Command::new("ip").args(args.split(' ')));
    }

    /// Sets up the server's end.
    #[track_caller]
    fn ip_there(&self, args: &str) {
        let there = format!("--target={}", self.server.id());
        let mut command = Command::new("nsenter");
        run(command.args([&there, "--net", "ip"]).args(args.split(' ')));
    }

    /// From now on, one end has a wrong hardware address for the other, so whatever it sends is for nobody.
    #[track_caller]
    fn cut(&self, way: Way) {
        let nobody = "lladdr 02:00:00:00:00:09 dev ada nud permanent";
        match way {
            Way::ToServer => self.ip(&format!("neigh replace 10.0.1.1 {nobody}")),
            Way::ToClient => self.ip_there(&format!("neigh replace 10.0.1.2 {nobody}")),
        }
    }

    /// The end asks for the other's address again.
    #[track_caller]
    fn mend(&self, way: Way) {
        match way {
            Way::ToServer => self.ip("neigh del 10.0.1.1 dev ada"),
            Way::ToClient => self.ip_there("neigh del 10.0.1.2 dev ada"),
        }
    }
}

impl Line for Net {}

impl Drop for Net {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
        let _ = fs::remove_file(&self.hosts);
    }
}

#[track_caller]
fn run(command: &mut Command) {
    let done = command.output().expect("a process");
    let error = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{command:?}: {error}");
}

impl Stage<Net> {
    /// Bob says something every 100 ms, until Ada hears `line`. In no frame is somebody in her world twice, gone, or another entity.
    /// Returns how long it took, and what she has heard.
    #[track_caller]
    fn bob_talks_until_ada_hears(
        &mut self,
        line: &str,
        before: &Everybody,
    ) -> (Duration, Vec<String>) {
        let begin = Instant::now();
        let mut heard = Vec::new();
        let mut said = Instant::now();
        self.until(line, |stage| {
            if said.elapsed() > millis(100) {
                said = Instant::now();
                stage.bob.say(0);
            }
            assert_eq!(stage.everybody(), *before);
            heard.extend(stage.ada.heard.take());
            heard.iter().any(|it| it.starts_with(line)).then_some(())
        });
        (begin.elapsed(), heard)
    }

    /// Ada hears of the loss within `at_most`.
    #[track_caller]
    fn ada_notices(&mut self, at_most: Duration, before: &Everybody) {
        let (noticed, heard) = self.bob_talks_until_ada_hears("lost", before);
        println!("noticed after {noticed:?}");
        assert!(noticed <= at_most, "{noticed:?}");
        assert!(
            heard.len() == 1 && heard[0].starts_with("lost: the server was silent for"),
            "{heard:?}"
        );
    }

    /// The line is good again: Ada is back within three seconds, and everything is as it was.
    #[track_caller]
    fn ada_is_back(&mut self, before: &Everybody) {
        let (back, heard) = self.bob_talks_until_ada_hears("resumed", before);
        println!("back after {back:?}");
        assert!(back <= seconds(3), "{back:?}");
        assert_eq!(heard, ["match: Restored", "resumed"]);
        // What Bob has said just now is on its way.
        self.play_for(millis(300));
        self.is_as_before(before);
        // The server drops the ghost 25 s after its last sign of life.
        self.bob_heard_ada_leave_and_join();
        self.play_for(millis(300));
        assert_eq!(self.everybody(), *before);
        assert_eq!(self.ada.heard.take(), [""; 0]);
        assert_eq!(self.bob.heard.take(), [""; 0]);
        assert_eq!(self.ada.state(), ConnectionState::Connected);
    }
}
