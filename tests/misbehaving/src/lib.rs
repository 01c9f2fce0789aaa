//! Plugins that do what plugins must not, and some that watch. What a rogue does, and
//! in which call, are its parameters.

mod chance;
mod files;
mod keeper;
mod kernel;
mod probe;
mod reader;
mod rogue;
mod witness;
mod worker;

use chance::Chance;
use keeper::{KeeperHook, KeeperProcessor};
use probe::Probe;
use reader::Reader;
use rogue::{RogueHook, RogueProcessor};
use witness::{Asker, WitnessHook, WitnessProcessor};
use worker::Worker;

perfbox_guest::export! {
    hooks: {
        rogue_hook: RogueHook {
            description: "Misbehaves in one call",
            params: {
                during: string => "Which call: create, or an event's name such as phase_start",
                does: string => "What it does there",
            },
        },
        witness_hook: WitnessHook {
            description: "Logs each event's name",
        },
        keeper_hook: KeeperHook {
            description: "Logs each event, and keeps it in a file",
            params: { mark: string = "kept" => "What each line begins with" },
        },
    }
    processors: {
        rogue_processor: RogueProcessor {
            description: "Misbehaves in one call",
            params: {
                during: string => "Which call: create, requirements, process or finish",
                does: string => "What it does there",
                at_batch: int = 0 => "In process: at which batch, counted from 0",
            },
        },
        witness_processor: WitnessProcessor {
            description: "Counts its records and batches",
        },
        asker: Asker {
            description: "Asks for a column of text",
            params: {
                column: string => "Which one",
                requires: list<string> = [] => "The columns that it says it will ask for; none: any",
            },
        },
        chance: Chance {
            description: "Returns what hangs on time, chance and files",
            params: {
                on: list<string> = [] => "What its outcome hangs on: time, chance, files, writing",
            },
        },
        reader: Reader {
            description: "Reads what it is given below /in, and tries to change it",
        },
        worker: Worker {
            description: "Does what a benchmark compares with native work",
            params: { sorts: bool = false => "Keep latencies and sort them; else a histogram" },
        },
        probe: Probe {
            description: "Tries to reach what no plugin may",
        },
        keeper_processor: KeeperProcessor {
            description: "Adds up latencies, logs each batch, and keeps it in a file",
            params: { mark: string = "kept" => "What each line begins with" },
        },
    }
}
