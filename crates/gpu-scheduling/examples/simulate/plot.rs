//! A small line chart as SVG.

use std::fmt::Write as _;

/// One line of a panel.
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
}

/// One chart.
pub(crate) struct Panel {
    pub(crate) title: &'static str,
    pub(crate) lines: Vec<Line>,
    /// The largest value shown; lines are cut there.
    pub(crate) top: f64,
    /// Values to mark.
    pub(crate) band: Option<(f64, f64)>,
}

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 320.0;
const MARGIN: f64 = 48.0;
const COLOURS: [&str; 4] = ["#1b6ca8", "#d1495b", "#2e8b57", "#8a5a00"];

/// All panels, one below the other.
pub(crate) fn draw(panels: &[Panel]) -> String {
    let height = HEIGHT * panels.len() as f64;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"white\"/>\n"
    );
    for (i, panel) in panels.iter().enumerate() {
        panel_at(&mut svg, panel, HEIGHT * i as f64);
    }
    svg.push_str("</svg>\n");
    svg
}

fn panel_at(svg: &mut String, panel: &Panel, y0: f64) {
    let xs = panel.lines.iter().flat_map(|l| l.points.iter().map(|p| p.0));
    let right = xs.fold(0.0_f64, f64::max).max(f64::EPSILON);
    let x = |v: f64| MARGIN + v / right * (WIDTH - 2.0 * MARGIN);
    let bottom = y0 + HEIGHT - MARGIN;
    let y = |v: f64| bottom - (v / panel.top).min(1.0) * (HEIGHT - 2.0 * MARGIN);
    // Writing to a string cannot fail.
    let mut put = |text: String| _ = writeln!(svg, "{text}");
    put(format!(
        "<text x=\"{MARGIN}\" y=\"{:.1}\" font-size=\"14\">{}</text>",
        y0 + 28.0,
        panel.title
    ));
    if let Some((low, high)) = panel.band {
        let (top, tall) = (y(high), y(low) - y(high));
        let wide = WIDTH - 2.0 * MARGIN;
        put(format!(
            "<rect x=\"{MARGIN}\" y=\"{top:.1}\" width=\"{wide}\" height=\"{tall:.1}\" fill=\"#e8f0d8\"/>"
        ));
    }
    for i in 0..=5 {
        let value = panel.top * f64::from(i) / 5.0;
        let (at, end) = (y(value), WIDTH - MARGIN);
        put(format!(
            "<path d=\"M{MARGIN} {at:.1}H{end}\" stroke=\"#ddd\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{value:.1}</text>",
            MARGIN - 6.0,
            at + 4.0
        ));
    }
    let marks: Vec<f64> = panel.lines.iter().flat_map(|l| l.points.iter().map(|p| p.0)).collect();
    for mark in marks.iter().take(panel.lines.first().map_or(0, |l| l.points.len())) {
        let (at, down) = (x(*mark), bottom + 16.0);
        put(format!(
            "<text x=\"{at:.1}\" y=\"{down:.1}\" text-anchor=\"middle\">{:.0}%</text>",
            mark * 100.0
        ));
    }
    for (i, line) in panel.lines.iter().enumerate() {
        let colour = COLOURS[i % COLOURS.len()];
        let points: Vec<String> =
            line.points.iter().map(|p| format!("{:.1},{:.1}", x(p.0), y(p.1))).collect();
        put(format!(
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            points.join(" ")
        ));
        let (at, down) = (MARGIN + 12.0, y0 + MARGIN + 14.0 * (i as f64 + 1.0));
        put(format!("<text x=\"{at}\" y=\"{down:.1}\" fill=\"{colour}\">{}</text>", line.name));
    }
}
