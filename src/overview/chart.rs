//! Numbers over time as pictures: blocks in a line of text, and SVG for the page. Pure.

use std::fmt::Write;

use minijinja::HtmlEscape;

const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The last values, as many as have room.
pub(super) fn last(values: &[Option<f64>], wide: usize) -> &[Option<f64>] {
    &values[values.len().saturating_sub(wide)..]
}

/// The last `wide` values as blocks, from zero to `top`; a gap where there was none.
pub(super) fn spark(values: &[Option<f64>], wide: usize, top: f64) -> String {
    let shown = last(values, wide);
    let block = |value: &Option<f64>| match value {
        None => ' ',
        Some(value) if top > 0.0 => {
            let height = super::unit::whole((value / top * 7.0).round());
            BLOCKS[usize::try_from(height).unwrap_or(0).min(7)]
        }
        Some(_) => BLOCKS[0],
    };
    let line: String = shown.iter().map(block).collect();
    format!("{line:>wide$}")
}

/// One line of a chart.
pub(super) struct Line<'a> {
    pub(super) name: &'a str,
    pub(super) values: &'a [Option<f64>],
}

const WIDE: f64 = 420.0;
const HIGH: f64 = 120.0;
const LEFT: f64 = 70.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 22.0;

/// What is counted, so that the marks beside a chart are round numbers.
#[derive(Clone, Copy)]
pub(super) enum Scale {
    Bytes,
    Rate,
    Seconds,
}

impl Scale {
    pub(super) fn say(self, value: f64) -> String {
        match self {
            Scale::Bytes => super::unit::bytes(value),
            Scale::Rate => super::unit::rate(value),
            Scale::Seconds => super::unit::latency(value),
        }
    }

    /// Where the common axis of these ends: what does not change is no full block, and no bare line.
    pub(super) fn top<'a>(self, all: impl Iterator<Item = &'a [Option<f64>]>) -> f64 {
        let most = all.flatten().flatten().copied().fold(0.0, f64::max);
        self.ceiling(most * 1.25)
    }

    /// A round number that is not below: 1, 2, 5, 10, ...; a power of two for bytes.
    fn ceiling(self, most: f64) -> f64 {
        if most <= 0.0 {
            return 1.0;
        }
        if let Scale::Bytes = self {
            return 2f64.powf(most.log2().ceil());
        }
        let power = 10f64.powf(most.log10().floor());
        [1.0, 2.0, 5.0, 10.0]
            .into_iter()
            .map(|step| step * power)
            .find(|step| *step >= most)
            .unwrap_or(most)
    }
}

/// A chart as SVG, from zero up, with a line at the limit where it is in sight. `seconds` is the time between two values.
pub(super) fn svg(
    title: &str,
    lines: &[Line<'_>],
    scale: Scale,
    limit: Option<f64>,
    seconds: f64,
) -> String {
    let longest = lines
        .iter()
        .map(|line| line.values.len())
        .max()
        .unwrap_or(0);
    let top = scale.top(lines.iter().map(|line| line.values));
    let x = |place: usize| LEFT + (WIDE - LEFT - 4.0) * place as f64 / (longest.max(2) - 1) as f64;
    let y = |value: f64| TOP + (HIGH - TOP - BOTTOM) * (1.0 - value / top);
    let mut svg =
        format!("<svg viewBox=\"0 0 {WIDE} {HIGH}\" role=\"img\" aria-label=\"{title}\">");
    for part in [0.0, 0.5, 1.0] {
        let (at, label) = (y(top * part), scale.say(top * part));
        let _ = write!(
            svg,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{WIDE}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>"
        );
        let _ = write!(
            svg,
            "<text class=\"axis\" text-anchor=\"end\" x=\"{:.1}\" y=\"{:.1}\">{label}</text>",
            LEFT - 6.0,
            at + 4.0
        );
    }
    if let Some(limit) = limit.filter(|limit| *limit <= top) {
        let at = y(limit);
        let _ = write!(
            svg,
            "<line class=\"limit\" x1=\"{LEFT}\" x2=\"{WIDE}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>"
        );
    }
    for (place, line) in lines.iter().enumerate() {
        let offset = longest - line.values.len();
        for run in runs(line.values) {
            let mut points = String::new();
            for (index, value) in run {
                let _ = write!(points, "{:.1},{:.1} ", x(offset + index), y(value));
            }
            let _ = write!(
                svg,
                "<polyline class=\"line c{}\" points=\"{}\"><title>{}</title></polyline>",
                place % 8,
                points.trim_end(),
                HtmlEscape(line.name)
            );
        }
    }
    let span = super::unit::age(super::unit::whole(
        (longest.saturating_sub(1) as f64 * seconds).round(),
    ));
    let _ = write!(
        svg,
        "<text class=\"axis\" x=\"{LEFT}\" y=\"{:.1}\">{span} ago</text>",
        HIGH - 4.0
    );
    let _ = write!(
        svg,
        "<text class=\"axis\" text-anchor=\"end\" x=\"{:.1}\" y=\"{:.1}\">now</text></svg>",
        WIDE - 4.0,
        HIGH - 4.0
    );
    svg
}

/// Values without a gap between them, each with its place.
fn runs(values: &[Option<f64>]) -> Vec<Vec<(usize, f64)>> {
    let mut all = Vec::new();
    let mut run = Vec::new();
    for (place, value) in values.iter().enumerate() {
        match value {
            Some(value) => run.push((place, *value)),
            None if run.is_empty() => {}
            None => all.push(std::mem::take(&mut run)),
        }
    }
    if !run.is_empty() {
        all.push(run);
    }
    // A line of one point is not seen.
    for run in &mut all {
        if let [only] = run.as_slice() {
            let only = *only;
            run.push(only);
        }
    }
    all
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "round numbers are meant to be exact")]
mod tests {
    use super::*;

    #[test]
    fn a_spark_ends_with_the_newest_and_shows_gaps() {
        let values = [Some(9.0), Some(0.0), None, Some(7.0), Some(14.0)];
        assert_eq!(spark(&values, 4, 14.0), "▁ ▅█");
        assert_eq!(spark(&values[4..], 3, 14.0), "  █");
        assert_eq!(spark(&[Some(0.0)], 1, 1.0), "▁");
    }

    #[test]
    fn what_stands_beside_each_other_is_measured_alike() {
        let (slow, fast) = ([Some(0.0075); 2], [Some(0.002); 2]);
        let top = Scale::Seconds.top([&slow[..], &fast[..]].into_iter());
        assert_eq!(top, 0.01);
        // A constant is no wall, and four times as much is seen.
        assert_eq!(
            (spark(&slow, 2, top), spark(&fast, 2, top)),
            ("▆▆".into(), "▂▂".into())
        );
        // What is beyond the axis is a full block.
        assert_eq!(spark(&[Some(3.0)], 1, 1.0), "█");
    }

    #[test]
    fn a_limit_is_drawn_where_it_is_in_sight() {
        let chart = |value: f64| {
            let line = Line {
                name: "etcd-1",
                values: &[Some(value)],
            };
            svg("fsync", &[line], Scale::Seconds, Some(0.1), 2.0)
        };
        assert!(chart(0.2).contains("class=\"limit\""));
        assert!(!chart(0.002).contains("class=\"limit\""));
    }

    #[test]
    fn a_chart_breaks_its_line_where_there_was_no_answer() {
        let values = [Some(1.0), Some(2.0), None, Some(4.0)];
        let chart = svg(
            "reads",
            &[Line {
                name: "etcd-<1>",
                values: &values,
            }],
            Scale::Rate,
            None,
            2.0,
        );
        assert_eq!(chart.matches("<polyline").count(), 2);
        assert!(
            chart.contains("<title>etcd-&lt;1&gt;</title>"),
            "a member's name is no markup: {chart}"
        );
        assert!(
            chart.contains(">5.0</text>") && chart.contains(">6s ago<"),
            "{chart}"
        );
        assert_eq!(
            [0.0, 0.3, 1.0, 2100.0].map(|most| Scale::Rate.ceiling(most)),
            [1.0, 0.5, 1.0, 5000.0]
        );
        assert_eq!(Scale::Bytes.ceiling(40_000.0), 65_536.0);
    }
}
