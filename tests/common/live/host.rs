//! The server of a stage.

use std::{
    env,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use bevy_nakama::local_server::{LocalServer, LocalServerConfig};

/// How long a server may take to start.
const START: Duration = Duration::from_secs(60);

/// A server that can be killed and started again.
pub(crate) trait Host {
    fn url(&self) -> String;
    fn key(&self) -> String;
    fn dies(&mut self);
    /// Nothing happens if it runs.
    fn starts(&mut self);
}

/// A server in this process.
pub(crate) struct Embedded {
    config: LocalServerConfig,
    server: Option<LocalServer>,
}

impl Embedded {
    pub(crate) fn new(mut config: LocalServerConfig) -> Self {
        let server = LocalServer::start(config.clone()).expect("a port");
        config.address = server.address();
        Self {
            config,
            server: Some(server),
        }
    }
}

impl Host for Embedded {
    fn url(&self) -> String {
        format!("http://{}", self.config.address)
    }

    fn key(&self) -> String {
        self.config.server_key.clone()
    }

    fn dies(&mut self) {
        self.server = None;
    }

    fn starts(&mut self) {
        if self.server.is_none() {
            let server = LocalServer::start(self.config.clone());
            self.server = Some(server.expect("the port of the last one"));
        }
    }
}

/// The server at `NAKAMA_URL`. With `NAKAMA_COMMAND` the test starts and kills it, otherwise it runs all the time.
pub(crate) struct Process {
    url: String,
    command: Option<String>,
    child: Option<Child>,
}

impl Process {
    /// A server that runs.
    pub(crate) fn that_runs() -> Self {
        let url = env::var("NAKAMA_URL").expect("set NAKAMA_URL, like http://127.0.0.1:7350");
        Self {
            url,
            command: None,
            child: None,
        }
    }

    /// A server that is started now. It ends when this is dropped.
    pub(crate) fn of_this_test() -> Self {
        let command = env::var("NAKAMA_COMMAND");
        let command = command.expect("set NAKAMA_COMMAND, which runs the server of NAKAMA_URL");
        let mut server = Self::that_runs();
        server.command = Some(command);
        server.starts();
        server
    }

    fn is_well(&self) -> bool {
        let Some(address) = self.address() else {
            return false;
        };
        let Ok(mut stream) = TcpStream::connect_timeout(&address, Duration::from_secs(1)) else {
            return false;
        };
        let request = "GET /healthcheck HTTP/1.1\r\nHost: nakama\r\nConnection: close\r\n\r\n";
        let mut answer = String::new();
        let timeout = stream.set_read_timeout(Some(Duration::from_secs(1)));
        let asked = timeout.and_then(|()| stream.write_all(request.as_bytes()));
        let _ = asked.and_then(|()| stream.read_to_string(&mut answer));
        answer.starts_with("HTTP/1.1 200")
    }

    fn address(&self) -> Option<SocketAddr> {
        let (_, rest) = self.url.split_once("://")?;
        rest.trim_end_matches('/').parse().ok()
    }
}

impl Host for Process {
    fn url(&self) -> String {
        self.url.clone()
    }

    fn key(&self) -> String {
        env::var("NAKAMA_KEY").unwrap_or_else(|_| "defaultkey".into())
    }

    fn dies(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("it runs");
            child.wait().expect("it ends");
        }
    }

    fn starts(&mut self) {
        let Some(command) = self.command.as_ref().filter(|_| self.child.is_none()) else {
            return;
        };
        let child = Command::new("sh")
            .args(["-c", &format!("exec {command}")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        self.child = Some(child.expect("a process"));
        let begin = Instant::now();
        while !self.is_well() {
            assert!(
                begin.elapsed() < START,
                "{command} does not serve {}",
                self.url
            );
            thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.dies();
    }
}
