//! Compiles `proto/` to Rust types and their proto JSON. No `protoc` is needed.

use std::{env, error::Error, path::PathBuf};

use prost_build::Config;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto");
    let files = protox::compile(["realtime.proto", "party_before_3_28.proto"], ["proto"])?;

    // Ours, because `prost_types::Timestamp` has no serde; maps are sorted so that a text is the same every time.
    let timestamp = (".google.protobuf.Timestamp", "crate::proto::Timestamp");
    Config::new()
        .bytes(["."])
        .btree_map(["."])
        .extern_path(timestamp.0, timestamp.1)
        // They may be tokens, which do not show; see `src/proto/tokens.rs`.
        .skip_debug([
            ".nakama.realtime.MatchJoin",
            ".nakama.realtime.MatchmakerMatched",
        ])
        .type_attribute(
            ".nakama.realtime.MatchmakerMatched.MatchmakerUser",
            "#[derive(Debug)]",
        )
        .compile_fds(files.clone())?;

    let mut json = pbjson_build::Builder::new();
    for file in &files.file {
        json.register_file_descriptor(file.clone());
    }
    json.extern_path(timestamp.0, timestamp.1)
        .btree_map(["."])
        .preserve_proto_field_names()
        .out_dir(PathBuf::from(env::var("OUT_DIR")?))
        .build(&[".nakama.api", ".nakama.realtime"])?;
    Ok(())
}
