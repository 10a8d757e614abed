//! Inventory scripts: an executable that prints JSON for `--list`.

use std::path::Path;
use std::process::Command;

use indexmap::IndexSet;

use super::node::{Node, Shape, Source};
use super::tree::Provenance;
use super::value::Value;
use super::{Inventory, json, load};
use crate::error::{Error, Result};

pub(super) fn read(inventory: &mut Inventory, path: &Path, from: &Provenance) -> Result<()> {
    let document = run(path, &["--list"])?;
    let groups = pairs_of(&document, "an inventory script prints")?;
    let mut hosts = IndexSet::new();
    for (name, body) in groups.iter().filter(|(name, _)| name.key_text() != "_meta") {
        define_group(inventory, name, body, from, &mut hosts)?;
    }
    let meta = match groups.iter().find(|(name, _)| name.key_text() == "_meta") {
        Some((_, meta)) => find(pairs_of(meta, "`_meta` is")?, "hostvars"),
        None => None,
    };
    for host in &hosts {
        match meta {
            Some(all) => {
                if let Some(vars) = find(pairs_of(all, "`_meta.hostvars` is")?, host) {
                    set_vars(inventory, host, vars)?;
                }
            }
            None => set_vars(inventory, host, &run(path, &["--host", host])?)?,
        }
    }
    Ok(())
}

fn find<'a>(pairs: &'a [(Node, Node)], name: &str) -> Option<&'a Node> {
    pairs
        .iter()
        .rev()
        .find(|(key, _)| key.key_text() == name)
        .map(|(_, item)| item)
}

fn pairs_of<'a>(node: &'a Node, what: &str) -> Result<&'a [(Node, Node)]> {
    match &node.shape {
        Shape::Map(pairs) => Ok(pairs),
        _ => Err(
            Error::config(format!("{what} a JSON object, not {}", node.kind())).at(node.at.place()),
        ),
    }
}

fn items_of<'a>(node: &'a Node, what: &str) -> Result<&'a [Node]> {
    match &node.shape {
        Shape::List(items) => Ok(items),
        _ => Err(
            Error::config(format!("{what} is a JSON array, not {}", node.kind()))
                .at(node.at.place()),
        ),
    }
}

fn text_of(node: &Node) -> Result<&str> {
    node.as_str()
        .filter(|text| !text.is_empty())
        .ok_or_else(|| {
            Error::config(format!("a name is text, not {}", node.kind())).at(node.at.place())
        })
}

fn set_vars(inventory: &mut Inventory, host: &str, vars: &Node) -> Result<()> {
    for (key, value) in pairs_of(vars, &format!("the variables of host `{host}` are"))? {
        inventory.set_host_var(host, key, value)?;
    }
    Ok(())
}

fn define_group(
    inventory: &mut Inventory,
    key: &Node,
    body: &Node,
    from: &Provenance,
    hosts: &mut IndexSet<String>,
) -> Result<()> {
    let group = text_of(key)?;
    inventory.add_group(group);
    let sections = match &body.shape {
        Shape::Map(sections) => sections.as_slice(),
        // The old short form: the group is the list of its hosts.
        _ => return add_hosts(inventory, group, body, from, hosts),
    };
    let [own_hosts, vars, children] =
        ["hosts", "vars", "children"].map(|name| find(sections, name));
    if own_hosts.is_none() && vars.is_none() && children.is_none() {
        // The other old form: the group is one host with these variables.
        inventory.add_host(group, group, None, from);
        hosts.insert(group.to_string());
        return sections
            .iter()
            .try_for_each(|(name, value)| inventory.set_group_var(group, name, value));
    }
    if let Some(own_hosts) = own_hosts {
        add_hosts(inventory, group, own_hosts, from, hosts)?;
    }
    for (name, value) in vars
        .map(|vars| pairs_of(vars, &format!("`vars` of group `{group}` is")))
        .transpose()?
        .unwrap_or(&[])
    {
        inventory.set_group_var(group, name, value)?;
    }
    for child in children
        .map(|node| items_of(node, &format!("`children` of group `{group}`")))
        .transpose()?
        .unwrap_or(&[])
    {
        let name = text_of(child)?;
        inventory.add_group(name);
        inventory.add_child(group, name, &child.at)?;
    }
    Ok(())
}

fn add_hosts(
    inventory: &mut Inventory,
    group: &str,
    list: &Node,
    from: &Provenance,
    hosts: &mut IndexSet<String>,
) -> Result<()> {
    for item in items_of(list, &format!("`hosts` of group `{group}`"))? {
        let name = text_of(item)?;
        inventory.add_host(name, group, None, from);
        hosts.insert(name.to_string());
    }
    Ok(())
}

fn run(path: &Path, args: &[&str]) -> Result<Node> {
    let shown = format!("{} {}", path.display(), args.join(" "));
    let output = Command::new(load::full_path(path))
        .args(args)
        .output()
        .map_err(|error| load::not_run(path, "the inventory script", &error))?;
    let fail = |mut error: Box<Error>| {
        error.stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        error.command(shown.clone())
    };
    if !output.status.success() {
        return Err(fail(Error::config(format!(
            "the inventory script `{}` ended with {}",
            path.display(),
            output.status
        ))));
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let source = Source::new(shown.clone(), text);
    if args[0] == "--host" && source.text().trim().is_empty() {
        return Ok(Node {
            at: source.spot(0, 0),
            shape: Shape::Map(Vec::new()),
        });
    }
    let node = json::parse(&source).map_err(|broken| {
        fail(
            Error::config("the inventory script did not print JSON")
                .at(broken.at.place())
                .because(broken.why),
        )
    })?;
    match &node.shape {
        Shape::Scalar(Value::Null) if args[0] == "--host" => Ok(Node {
            at: node.at,
            shape: Shape::Map(Vec::new()),
        }),
        _ => Ok(node),
    }
}
