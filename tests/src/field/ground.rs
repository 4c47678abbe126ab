//! The ground of a field test: a network namespace for each node, joined by a bridge whose rules lose packets or keep two
//! sides apart. All of it lies in a user namespace, so that it needs no rights and goes with the process that made it.
//!
//! The kernel's own delay and loss (`netem`) is not everywhere; rules of nftables on the bridge are.

#![allow(
    clippy::disallowed_methods,
    reason = "a test that runs itself again tells that process so by the environment"
)]

use crate::process::{bevis, inside};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

/// Set in the process that runs inside.
const INSIDE: &str = "BEVIS_FIELD_INSIDE";
/// `required` where a machine that does not allow such a process is a failure: `.ci/run` says so.
const DEMAND: &str = "BEVIS_FIELD";
/// What such a process must be allowed.
const TRIAL: Trial = Trial {
    of: "field",
    script: include_str!("trial.sh"),
    needs: "`ip`, `nft`, `nsenter` and `unshare -Urnm` with veth (tests/src/field/trial.sh)",
};
/// Most plots: their numbers are the last part of an address.
const PLOTS_MAX: usize = 200;

/// What the tests of a module need of the machine.
pub(crate) struct Trial {
    /// The module, which also begins what its tests have to tell, wherever it stands in a line.
    pub(crate) of: &'static str,
    /// A script that fails where it is not allowed.
    pub(crate) script: &'static str,
    /// The same for people.
    pub(crate) needs: &'static str,
}

/// [`is_inside`] for the tests of `field`.
pub(crate) fn is_entered(test: &str) -> bool {
    is_inside(&TRIAL, test)
}

/// Whether this process stands on ground of its own. Where it does not, the test of this name in the module is run again in a
/// process that does, and must pass there. On a machine that does not allow it, it says that it was left out, and fails where
/// it is demanded.
pub(crate) fn is_inside(trial: &Trial, test: &str) -> bool {
    let Trial { of, script, needs } = trial;
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let allowed = Command::new("unshare").args(["-Urnm", "sh", "-ec", script]).output();
    if !allowed.as_ref().is_ok_and(|output| output.status.success()) {
        let lacking = format!(
            "{of}::{test} is LEFT OUT: it needs {needs}: {}",
            allowed.map_or_else(
                |e| e.to_string(),
                |output| String::from_utf8_lossy(&output.stderr).into_owned()
            )
        );
        assert!(
            std::env::var_os(DEMAND).is_none_or(|demand| demand != "required"),
            "{lacking}"
        );
        // Past the harness, which keeps back what a test that passes says.
        drop(writeln!(std::io::stderr(), "{lacking}"));
        return false;
    }
    // What has to be built is built where the machine's own network is.
    bevis();
    let output = Command::new("unshare")
        .arg("-Urnm")
        .arg(std::env::current_exe().expect("this program"))
        .args(["--exact", "--nocapture", "--test-threads", "1"])
        .arg(format!("{of}::{test}"))
        .env(INSIDE, "1")
        .output()
        .expect("unshare runs");
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}\n{complained}"
    );
    // What the harness there says of itself is left out: it would read as if this run had passed over all other tests.
    let told = format!("{of}: ");
    for (_, text) in said.lines().filter_map(|line| line.split_once(told.as_str())) {
        println!("{told}{text}");
    }
    print!("{complained}");
    false
}

/// Namespaces on one bridge. Dropping it leaves them to the nodes that still run there.
pub(crate) struct Ground {
    holders: Vec<Child>,
}

/// A process in a network namespace of its own, which stays until it is dropped with its input.
pub(crate) fn namespace() -> Child {
    // It says a word once it is inside, and stays until we close its input.
    let mut holder = Command::new("unshare")
        .args(["-n", "sh", "-c", "echo && exec cat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("unshare runs");
    let mut word = String::new();
    let stdout = holder.stdout.take().expect("piped");
    BufReader::new(stdout).read_line(&mut word).expect("reads");
    assert_eq!(word, "\n", "a namespace");
    holder
}

/// Runs a script that must succeed.
#[track_caller]
pub(crate) fn run(program: &str, arguments: &[&str], script: &str) {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|e| panic!("{program}: {e}"));
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(script.as_bytes()).expect("writes");
    drop(stdin);
    let output = child.wait_with_output().expect("ends");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{program}: {said}\n{script}");
}

impl Ground {
    /// Lays out so many plots, numbered from 0.
    pub(crate) fn lay(count: usize) -> Ground {
        assert!(count <= PLOTS_MAX, "too many plots");
        let mut holders = Vec::new();
        for _ in 0..count {
            holders.push(namespace());
        }
        let ground = Ground { holders };
        let mut outside = String::from(
            "link set lo up\nlink add name field type bridge mcast_snooping 0\nlink set field addrgenmode none\n\
             link set field up\naddress add 10.77.0.254/24 dev field\n",
        );
        for (plot, holder) in ground.holders.iter().enumerate() {
            outside.push_str(&format!(
                "link add name plot{plot} type veth peer name uplink netns {}\nlink set plot{plot} addrgenmode none\n\
                 link set plot{plot} master field\nlink set plot{plot} up\n",
                holder.id()
            ));
        }
        run("ip", &["-batch", "-"], &outside);
        for (plot, holder) in ground.holders.iter().enumerate() {
            let inside = format!(
                "link set lo up\nlink set uplink addrgenmode none\naddress add {}/24 dev uplink\nlink set uplink up\n",
                ground.address(plot)
            );
            let target = holder.id().to_string();
            run("nsenter", &["-n", "-t", &target, "ip", "-batch", "-"], &inside);
        }
        run(
            "nft",
            &["-f", "-"],
            "add table bridge field\nadd chain bridge field forward { type filter hook forward priority 0; policy accept; }\n",
        );
        ground
    }

    /// Has a command run on a plot.
    pub(crate) fn enter(&self, plot: usize, command: &Command) -> Command {
        inside(self.holder(plot), command)
    }

    /// The address of a plot.
    pub(crate) fn address(&self, plot: usize) -> String {
        format!("10.77.0.{}", plot + 1)
    }

    /// The process that holds a plot's namespace.
    pub(crate) fn holder(&self, plot: usize) -> u32 {
        self.holders[plot].id()
    }

    fn rules(&self, rules: &str) {
        run(
            "nft",
            &["-f", "-"],
            &format!("flush chain bridge field forward\n{rules}"),
        );
    }

    /// From now on loses so many of a hundred packets between any two plots.
    pub(crate) fn lose(&self, percent: u32) {
        self.rules(&format!(
            "add rule bridge field forward ether type ip numgen random mod 100 < {percent} counter drop\n"
        ));
    }

    /// From now on nothing passes between these plots and the others.
    pub(crate) fn part(&self, side: &[usize]) {
        let side: Vec<String> = side.iter().map(|plot| format!("plot{plot}")).collect();
        let side = side.join(", ");
        self.rules(&format!(
            "add rule bridge field forward iifname {{ {side} }} oifname != {{ {side} }} counter drop\n\
             add rule bridge field forward iifname != {{ {side} }} oifname {{ {side} }} counter drop\n"
        ));
    }

    /// From now on everything passes.
    pub(crate) fn heal(&self) {
        self.rules("");
    }

    /// Packets that the rules in force have dropped.
    pub(crate) fn dropped(&self) -> u64 {
        let output = Command::new("nft")
            .args(["-j", "list", "chain", "bridge", "field", "forward"])
            .output()
            .expect("nft runs");
        let listed: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let rules = listed["nftables"].as_array().into_iter().flatten();
        let parts = rules.flat_map(|rule| rule["rule"]["expr"].as_array().into_iter().flatten());
        parts.filter_map(|part| part["counter"]["packets"].as_u64()).sum()
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        for holder in &mut self.holders {
            drop(holder.stdin.take());
            drop(holder.wait());
        }
    }
}
