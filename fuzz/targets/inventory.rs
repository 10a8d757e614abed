//! YAML of an inventory, as hosts and as a value. A host that is read can be asked for its variables.

#![no_main]

use etcdsh::inventory::{Inventory, parse_value};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = parse_value("fuzz.yml", text);
    if let Ok(inventory) = Inventory::parse("fuzz.yml", text) {
        for host in inventory.hosts() {
            let _ = inventory.groups_of(&host);
        }
        let _ = inventory.select("all");
    }
});
