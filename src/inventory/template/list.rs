//! Filters and tests about lists and dictionaries.

use indexmap::IndexMap;
use minijinja::value::{Kwargs, Rest};
use minijinja::{Environment, Error, Value as Jinja};

use super::super::value::Value;
use super::convert::{from_jinja, to_jinja};
use super::filter::{Given, Result, flag, text_of, wrong};

pub(super) fn add_all(env: &mut Environment<'static>) {
    env.add_filter("join", join);
    env.add_filter("combine", combine);
    env.add_filter("flatten", flatten);
    env.add_filter("dict2items", dict2items);
    env.add_filter("items2dict", items2dict);
    env.add_filter("extract", extract);
    env.add_filter("difference", |a: &Jinja, b: &Jinja| keep(a, b, false));
    env.add_filter("intersect", |a: &Jinja, b: &Jinja| keep(a, b, true));
    env.add_filter("union", |a: &Jinja, b: &Jinja| {
        Ok::<_, Error>(distinct(items(a)?.into_iter().chain(items(b)?)))
    });
    env.add_filter("symmetric_difference", |a: &Jinja, b: &Jinja| {
        Ok::<_, Error>([keep(a, b, false)?, keep(b, a, false)?].concat())
    });
    env.add_test("contains", |list: &Jinja, item: &Jinja| {
        Ok::<_, Error>(items(list)?.contains(item))
    });
    env.add_test("any", |list: &Jinja| {
        Ok::<_, Error>(items(list)?.iter().any(Jinja::is_true))
    });
    env.add_test("all", |list: &Jinja| {
        Ok::<_, Error>(items(list)?.iter().all(Jinja::is_true))
    });
    for name in ["subset", "issubset"] {
        env.add_test(name, |a: &Jinja, b: &Jinja| within(a, b));
    }
    for name in ["superset", "issuperset"] {
        env.add_test(name, |a: &Jinja, b: &Jinja| within(b, a));
    }
}

fn items(value: &Jinja) -> Result<Vec<Jinja>> {
    Ok(value.try_iter()?.collect())
}

fn within(part: &Jinja, whole: &Jinja) -> Result<bool> {
    let whole = items(whole)?;
    Ok(items(part)?.iter().all(|item| whole.contains(item)))
}

#[expect(clippy::needless_pass_by_value, reason = "minijinja gives it by value")]
fn join(value: &Jinja, separator: Option<String>, options: Kwargs) -> Result<String> {
    let attribute: Option<String> = options.get("attribute")?;
    options.assert_all_used()?;
    let texts: Result<Vec<String>> = items(value)?
        .iter()
        .map(|item| match &attribute {
            Some(name) => text_of(&item.get_attr(name)?),
            None => text_of(item),
        })
        .collect();
    Ok(texts?.join(&separator.unwrap_or_default()))
}

/// How `combine` joins lists.
#[derive(Clone, Copy)]
enum Lists {
    Append,
    AppendNew,
    Keep,
    Prepend,
    PrependNew,
    Replace,
}

#[expect(clippy::needless_pass_by_value, reason = "minijinja gives it by value")]
fn combine(first: &Jinja, others: Rest<Jinja>, options: Kwargs) -> Result<Jinja> {
    let recursive = flag(&options, "recursive")?;
    let lists = match options.get::<Option<&str>>("list_merge")? {
        None | Some("replace") => Lists::Replace,
        Some("append") => Lists::Append,
        Some("append_rp") => Lists::AppendNew,
        Some("keep") => Lists::Keep,
        Some("prepend") => Lists::Prepend,
        Some("prepend_rp") => Lists::PrependNew,
        Some(other) => {
            return Err(wrong(format!(
                "`list_merge` is replace, keep, append, prepend, append_rp or prepend_rp, not `{other}`"
            )));
        }
    };
    options.assert_all_used()?;
    let mut all = IndexMap::new();
    for value in std::iter::once(first).chain(others.iter()) {
        let maps = match from_jinja(value)? {
            Value::List(maps) => maps,
            map => vec![map],
        };
        for map in maps {
            let Value::Map(more) = map else {
                return Err(wrong("combine needs mappings"));
            };
            all = merged(all, more, recursive, lists);
        }
    }
    Ok(to_jinja(&Value::Map(all)))
}

fn merged(
    mut below: IndexMap<String, Value>,
    above: IndexMap<String, Value>,
    recursive: bool,
    lists: Lists,
) -> IndexMap<String, Value> {
    for (key, new) in above {
        let old = below
            .get_mut(&key)
            .map(|old| std::mem::replace(old, Value::Null));
        let value = match (old, new) {
            (Some(Value::Map(old)), Value::Map(new)) if recursive => {
                Value::Map(merged(old, new, recursive, lists))
            }
            (Some(Value::List(old)), Value::List(new)) => Value::List(joined(old, new, lists)),
            (_, new) => new,
        };
        below.insert(key, value);
    }
    below
}

fn joined(mut old: Vec<Value>, mut new: Vec<Value>, lists: Lists) -> Vec<Value> {
    match lists {
        Lists::Append => old.append(&mut new),
        Lists::AppendNew => {
            old.retain(|item| !new.contains(item));
            old.append(&mut new);
        }
        Lists::Keep => {}
        Lists::Prepend => {
            new.append(&mut old);
            return new;
        }
        Lists::PrependNew => {
            old.retain(|item| !new.contains(item));
            new.append(&mut old);
            return new;
        }
        Lists::Replace => return new,
    }
    old
}

#[expect(clippy::needless_pass_by_value, reason = "minijinja gives it by value")]
fn flatten(value: &Jinja, placed: Rest<Jinja>, named: Kwargs) -> Result<Jinja> {
    let given = Given::new(&placed, &named);
    let levels = given.number(0, "levels")?;
    let nulls = given
        .get(1, "skip_nulls")?
        .is_some_and(|skip| !skip.is_true());
    given.done()?;
    let Value::List(items) = from_jinja(value)? else {
        return Err(wrong("flatten needs a list"));
    };
    let mut flat = Vec::new();
    spread(items, levels, nulls, &mut flat);
    Ok(to_jinja(&Value::List(flat)))
}

fn spread(items: Vec<Value>, levels: Option<usize>, nulls: bool, flat: &mut Vec<Value>) {
    for item in items {
        let null = item == Value::Null || matches!(item.as_str(), Some("None" | "null"));
        match item {
            _ if null && !nulls => {}
            Value::List(inner) if levels != Some(0) => {
                spread(inner, levels.map(|levels| levels - 1), nulls, flat);
            }
            other => flat.push(other),
        }
    }
}

fn keep(a: &Jinja, b: &Jinja, common: bool) -> Result<Vec<Jinja>> {
    let other = items(b)?;
    Ok(distinct(
        items(a)?
            .into_iter()
            .filter(|item| other.contains(item) == common),
    ))
}

fn distinct(items: impl Iterator<Item = Jinja>) -> Vec<Jinja> {
    let mut found: Vec<Jinja> = Vec::new();
    for item in items {
        if !found.contains(&item) {
            found.push(item);
        }
    }
    found
}

#[expect(clippy::needless_pass_by_value, reason = "minijinja gives it by value")]
fn dict2items(value: &Jinja, placed: Rest<Jinja>, named: Kwargs) -> Result<Jinja> {
    let given = Given::new(&placed, &named);
    let (key, item) = (
        given.text(0, "key_name", "key")?,
        given.text(1, "value_name", "value")?,
    );
    given.done()?;
    let Value::Map(map) = from_jinja(value)? else {
        return Err(wrong("dict2items needs a mapping"));
    };
    let pairs = map.into_iter().map(|(name, found)| {
        Value::Map([(key.clone(), Value::from(name)), (item.clone(), found)].into())
    });
    Ok(to_jinja(&Value::List(pairs.collect())))
}

#[expect(clippy::needless_pass_by_value, reason = "minijinja gives it by value")]
fn items2dict(value: &Jinja, placed: Rest<Jinja>, named: Kwargs) -> Result<Jinja> {
    let given = Given::new(&placed, &named);
    let (key, item) = (
        given.text(0, "key_name", "key")?,
        given.text(1, "value_name", "value")?,
    );
    given.done()?;
    let mut map = IndexMap::new();
    for entry in items(value)? {
        let Value::Map(mut entry) = from_jinja(&entry)? else {
            return Err(wrong("items2dict needs a list of mappings"));
        };
        let (Some(name), Some(found)) = (entry.get(&key).cloned(), entry.swap_remove(&item)) else {
            return Err(wrong(format!(
                "items2dict needs `{key}` and `{item}` in each mapping"
            )));
        };
        map.insert(name.to_text(), found);
    }
    Ok(to_jinja(&Value::Map(map)))
}

/// The item of a container at a key, and at further keys in what is found.
fn extract(key: &Jinja, container: &Jinja, more: Option<Jinja>) -> Result<Jinja> {
    let more = match more {
        None => Vec::new(),
        Some(list) if list.kind() == minijinja::value::ValueKind::Seq => items(&list)?,
        Some(one) => vec![one],
    };
    let mut found = container.get_item(key)?;
    for key in &more {
        if found.is_undefined() {
            break;
        }
        found = found.get_item(key)?;
    }
    Ok(found)
}
