//! What a wallet was told while it was off is found before it acts.

use super::{Thread, is_answered};
use crate::network::until;
use crate::spread::counted;

#[test]
fn a_wallet_that_takes_back_before_anything_else_reaches_a_source_that_is_off() {
    let mut thread = Thread::new();
    let (id, name) = thread.granted();
    // The source says where it is reached when the wallet is off already.
    until("the source has said where it is reached", || {
        counted(&thread.loans, "bevis_letters_counterparts") == 0
    });
    assert!(!is_answered(&thread.loans, &thread.citizen), "it has not read it");
    assert_eq!(thread.loans.terminate(), 0);

    // The first that the wallet does is to take back; then it is off for good.
    let withdrawn = thread.citizen.ok(&["wallet", "withdraw", &id])["grant"].clone();
    assert_eq!(withdrawn["issuer_told"], false);
    thread.loans.serve(&[]);
    thread.refused(&name);
}
