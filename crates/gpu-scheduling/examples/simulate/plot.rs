//! Small line charts as SVG, two beside each other.

use std::fmt::Write as _;

/// One line of a panel.
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
}

/// One chart. Its horizontal axis is the offered load.
pub(crate) struct Panel {
    pub(crate) title: &'static str,
    pub(crate) lines: Vec<Line>,
    /// The largest value shown; lines leave the chart there.
    pub(crate) top: f64,
    /// Values to mark, and what they are.
    pub(crate) band: Option<(f64, f64, &'static str)>,
}

const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 320.0;
const MARGIN: f64 = 48.0;
/// Loads at the two ends, and those that are named.
const LOADS: (f64, f64) = (0.3, 0.95);
const NAMED: [u32; 8] = [30, 40, 50, 60, 70, 80, 90, 95];
const COLOURS: [&str; 4] = ["#1b6ca8", "#d1495b", "#2e8b57", "#8a5a00"];

/// All panels, two in a row.
pub(crate) fn draw(panels: &[Panel]) -> String {
    let (width, height) = (2.0 * WIDTH, HEIGHT * panels.len().div_ceil(2) as f64);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>\n"
    );
    for (i, panel) in panels.iter().enumerate() {
        let (column, row) = ((i % 2) as f64, (i / 2) as f64);
        // Writing to a string cannot fail.
        let at = format!("translate({},{})", column * WIDTH, row * HEIGHT);
        _ = writeln!(svg, "<g transform=\"{at}\">");
        draw_panel(&mut svg, panel, i);
        svg.push_str("</g>\n");
    }
    svg.push_str("</svg>\n");
    svg
}

fn draw_panel(svg: &mut String, panel: &Panel, number: usize) {
    let (wide, tall) = (WIDTH - 2.0 * MARGIN, HEIGHT - 2.0 * MARGIN);
    let x = |load: f64| MARGIN + (load - LOADS.0) / (LOADS.1 - LOADS.0) * wide;
    let y = |value: f64| MARGIN + tall * (1.0 - value / panel.top);
    let mut put = |text: String| _ = writeln!(svg, "{text}");
    put(format!("<text x=\"{MARGIN}\" y=\"28\" font-size=\"14\">{}</text>", panel.title));
    if let Some((low, high, name)) = panel.band {
        put(format!(
            "<rect x=\"{MARGIN}\" y=\"{:.1}\" width=\"{wide}\" height=\"{:.1}\" fill=\"#e8f0d8\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#5a6b3a\">{name}</text>",
            y(high),
            y(low) - y(high),
            MARGIN + wide - 6.0,
            y(low) - 6.0,
        ));
    }
    for i in 0..=5 {
        let value = panel.top * f64::from(i) / 5.0;
        put(format!(
            "<path d=\"M{MARGIN} {at:.1}h{wide}\" stroke=\"#ddd\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{value:.2}</text>",
            MARGIN - 6.0,
            y(value) + 4.0,
            at = y(value),
        ));
    }
    for percent in NAMED {
        put(format!(
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{percent}%</text>",
            x(f64::from(percent) / 100.0),
            MARGIN + tall + 16.0
        ));
    }
    put(format!(
        "<clipPath id=\"panel{number}\"><rect x=\"{MARGIN}\" y=\"{MARGIN}\" width=\"{wide}\" \
         height=\"{tall}\"/></clipPath>"
    ));
    for (i, line) in panel.lines.iter().enumerate() {
        let colour = COLOURS[i % COLOURS.len()];
        let inside = line.points.iter().filter(|(load, _)| *load <= LOADS.1);
        let points: Vec<String> =
            inside.map(|(load, value)| format!("{:.1},{:.1}", x(*load), y(*value))).collect();
        put(format!(
            "<polyline points=\"{}\" clip-path=\"url(#panel{number})\" fill=\"none\" \
             stroke=\"{colour}\" stroke-width=\"2\"/>",
            points.join(" ")
        ));
        put(format!(
            "<text x=\"{:.1}\" y=\"{:.1}\" fill=\"{colour}\">{}</text>",
            MARGIN + 12.0,
            MARGIN + 14.0 * (i as f64 + 1.0),
            line.name
        ));
    }
}
