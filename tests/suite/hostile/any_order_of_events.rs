//! Whatever a game, a server and a network do, and in whichever order: each request has exactly one outcome, the right
//! one, and nothing is left behind.

use std::{cell::RefCell, collections::BTreeMap, sync::atomic::Ordering};

use super::session::{Ask, Outcome, Push, RECONNECTS, Say, Step, run, run_healing};
use proptest::{
    prelude::*,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

fn ask() -> impl Strategy<Value = Ask> {
    prop_oneof![
        2 => any::<u8>().prop_map(Ask::CreateMatch),
        4 => any::<u8>().prop_map(Ask::JoinMatch),
        3 => any::<u8>().prop_map(Ask::LeaveMatch),
        1 => Just(Ask::CreateParty),
        4 => any::<u8>().prop_map(Ask::JoinParty),
        2 => any::<u8>().prop_map(Ask::LeaveParty),
        1 => any::<u8>().prop_map(Ask::UpdateParty),
        3 => Just(Ask::Follow),
        1 => Just(Ask::TooLarge),
        2 => Just(Ask::Rest),
    ]
}

fn say() -> impl Strategy<Value = Say> {
    prop_oneof![6 => Just(Say::Yes), 2 => Just(Say::No), 1 => Just(Say::SomethingElse)]
}

fn push() -> impl Strategy<Value = Push> {
    prop_oneof![
        1 => any::<(u8, bool)>().prop_map(|(n, joins)| Push::MatchPresence(n, joins)),
        1 => any::<u8>().prop_map(Push::MatchData),
        3 => any::<u8>().prop_map(Push::Party),
        1 => any::<u8>().prop_map(Push::PartyClose),
        1 => any::<(u8, bool)>().prop_map(|(n, is_me)| Push::PartyLeader(n, is_me)),
        1 => any::<(u8, bool)>().prop_map(|(n, joins)| Push::PartyPresence(n, joins)),
        1 => Just(Push::Error),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => Just(Step::Connect),
        1 => Just(Step::Disconnect),
        1 => Just(Step::Accept),
        1 => Just(Step::Break),
        1 => Just(Step::Garbage),
        50 => ask().prop_map(Step::Ask),
        60 => (any::<u8>(), say()).prop_map(|(which, say)| Step::Answer(which, say)),
        4 => any::<u8>().prop_map(Step::Stray),
        30 => push().prop_map(Step::Push),
        20 => any::<u8>().prop_map(Step::Despawn),
        8 => any::<u8>().prop_map(Step::Send),
        60 => Just(Step::Frame),
        5 => (1_u8..60).prop_map(Step::Wait),
    ]
}

/// A step, or a few that belong together.
fn steps() -> impl Strategy<Value = Vec<Step>> {
    let loss = prop_oneof![
        Just(Step::Break),
        Just(Step::Disconnect),
        Just(Step::Garbage)
    ];
    let back = (loss, ask(), ask()).prop_map(|(loss, before, after)| {
        let mut steps = vec![Step::Ask(before), loss, Step::Ask(after), Step::Frame];
        steps.extend(CONNECT);
        steps
    });
    let join = (ask(), any::<u8>()).prop_map(|(ask, which)| {
        let answer = Step::Answer(which, Say::Yes);
        vec![Step::Ask(ask), Step::Frame, answer, Step::Frame]
    });
    prop_oneof![2 => back, 10 => join, 60 => step().prop_map(|step| vec![step])]
}

const CONNECT: [Step; 4] = [Step::Connect, Step::Frame, Step::Accept, Step::Frame];

/// Runs sessions, the same every time, and counts what came of their requests. For more of them, set `PROPTEST_CASES`.
fn run_sessions(run: fn(&[Step], bool) -> Vec<Outcome>, is_orderly: bool) {
    let cases = std::env::var("PROPTEST_CASES").ok();
    let cases = cases.and_then(|cases| cases.parse().ok()).unwrap_or(60);
    let outcomes = RefCell::new(BTreeMap::<Outcome, u32>::new());
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    let seed = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, seed);
    let result = runner.run(&prop::collection::vec(steps(), 0..150), |steps| {
        let steps = [&CONNECT[..], &steps.concat()].concat();
        for outcome in run(&steps, is_orderly) {
            *outcomes.borrow_mut().entry(outcome).or_default() += 1;
        }
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    let outcomes = outcomes.into_inner();
    println!("{cases} sessions: {outcomes:?}");
    for outcome in [
        Outcome::Consent,
        Outcome::Refused,
        Outcome::Unexpected,
        Outcome::Withdrawn,
        Outcome::Timeout,
        Outcome::NotConnected,
        Outcome::Lost { sent: true },
        Outcome::Lost { sent: false },
        Outcome::WrongEntity,
        Outcome::TooLarge,
    ] {
        assert!(outcomes.contains_key(&outcome), "never seen: {outcome:?}");
    }
}

#[test]
fn with_a_server_that_answers_in_any_order_and_twice() {
    run_sessions(run, false);
}

#[test]
fn with_a_server_that_works_as_nakama_does_it_and_the_game_agree_on_where_one_is() {
    run_sessions(run, true);
}

fn run_healing_sessions(is_orderly: bool) {
    run_sessions(run_healing, is_orderly);
    let reconnects = RECONNECTS.load(Ordering::Relaxed);
    assert!(reconnects > 10, "it was lost {reconnects} times");
}

#[test]
fn with_a_connection_that_heals_and_a_server_that_answers_in_any_order_and_twice() {
    run_healing_sessions(false);
}

#[test]
fn with_a_connection_that_heals_and_a_server_that_works_as_nakama_does() {
    run_healing_sessions(true);
}
