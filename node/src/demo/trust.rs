//! `bevis demo trust`: a list that everybody holds, and how fast a change of it, a revocation and a bankruptcy reach everybody.
//!
//! Every node is a process with a home of its own; anchors have homes and no node. What is told was done by the public commands;
//! what is measured goes by the local socket, as the command line does, without a process for each. The times are those that the
//! nodes themselves noted (`bevis node seen`).

mod bankruptcy;
mod cast;
mod ceremony;
mod changes;
mod crowd;
mod founding;
mod memory;
mod rest;
mod spread;

use super::nodes::Nodes;
use super::story::interrupted;
use super::teller::Teller;
use crate::args::TrustDemo;
use crate::error::Failure;
use crate::output::Output;
pub(super) use cast::liar;

use cast::Sizes;
use credentials::Code;
use crowd::Crowd;
use serde_json::json;
use std::time::Duration;

/// Longest time for the whole story: a machine on which it takes longer cannot show what it is about.
const LONGEST: Duration = Duration::from_secs(900);

/// Tells the story. Exit 0 when everything in it went as it must.
pub async fn run(output: &Output, demo: &TrustDemo) -> Result<u8, Failure> {
    let sizes = Sizes {
        anchors: demo.anchors,
        agencies: demo.agencies,
        banks: demo.banks,
    };
    sizes.check()?;
    let members = cast::cast(sizes);
    let people = [bankruptcy::SECOND, "citizen", "neighbour", "newly", "later"];
    let names = members.iter().map(|member| member.home.as_str()).chain(people);
    let nodes = Nodes::new(demo.keep.as_deref(), false, output.catalogue.language(), names)?;
    let teller = Teller::new(output, "demo-trust");
    let mut crowd = Crowd::new(nodes, teller, members, demo);
    let told = tokio::select! {
        told = crowd.tell() => told,
        () = interrupted() => Err(Failure::because(Code::NotConfirmed, "interrupted")),
        () = tokio::time::sleep(LONGEST) => Err(Failure::because(Code::Internal, "the story takes too long")),
    };
    if let Some(liars) = crowd.liars.take() {
        liars.end().await;
    }
    crowd.nodes.stop().await;
    match told {
        Ok(()) => {
            let run = json!({ "total_ms": crowd.teller.milliseconds() });
            crowd.teller.tell("end", "demo", json!({}), run);
            Ok(0)
        }
        Err(failure) => {
            let facts = json!({ "code": failure.problem.code, "detail": failure.problem.detail });
            crowd.teller.tell("stopped", "demo", facts, json!({}));
            Err(failure)
        }
    }
}
