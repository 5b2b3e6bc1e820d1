//! Scripts that delete something delete only their own.

use std::{fs, path::Path, process::Command};

/// Whether `.ci/bevy_0_20` takes this folder.
fn makes_in(folder: &Path) -> bool {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci/bevy_0_20");
    let made = Command::new("bash")
        .arg(script)
        .arg("--only-make")
        .arg(folder)
        .output();
    made.expect("bash").status.success()
}

#[test]
fn the_script_for_bevy_0_20_leaves_other_folders_alone() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    if !root.join(".ci").exists() {
        return; // the package has no scripts
    }
    let name = format!("bevy-nakama-scripts-{}", std::process::id());
    let place = std::env::temp_dir().join(name);
    let manifest = "[package]\nname = \"bevy_nakama\"\n";
    // A clone of this repository, and work on the made crate.
    for precious in [".git/config", "src/precious.rs"] {
        let folder = place.join(precious.replace('/', "-"));
        let file = folder.join(precious);
        fs::create_dir_all(file.parent().expect("a folder")).expect("made");
        fs::write(folder.join("Cargo.toml"), manifest).expect("written");
        fs::write(&file, "precious").expect("written");
        assert!(!makes_in(&folder), "{precious}");
        assert!(file.exists(), "{precious} is gone");
    }
    let inside = root.join("src/made");
    assert!(!makes_in(&inside));
    assert!(!inside.exists(), "made inside the sources");
    fs::remove_dir_all(place).expect("removed");
}
