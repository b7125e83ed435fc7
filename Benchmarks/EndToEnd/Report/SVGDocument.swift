// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// A drawing that is readable on a light and on a dark page.
struct SVGDocument {
    let width: Double
    private(set) var height: Double = 0
    private var elements: [String] = []

    init(width: Double) {
        self.width = width
    }

    /// Makes room down to there.
    mutating func grow(to height: Double) {
        self.height = max(self.height, height)
    }

    mutating func text(
        _ text: String,
        _ x: Double,
        _ y: Double,
        class style: String = "label",
        anchor: String = "start"
    ) {
        elements.append(
            "<text class=\"\(style)\" x=\"\(x.short)\" y=\"\(y.short)\" text-anchor=\"\(anchor)\">"
                + "\(text.escaped)</text>"
        )
    }

    mutating func bar(_ x: Double, _ y: Double, _ width: Double, _ height: Double, class style: String) {
        elements.append(
            "<rect class=\"\(style)\" x=\"\(x.short)\" y=\"\(y.short)\" width=\"\(max(0, width).short)\" "
                + "height=\"\(height.short)\" rx=\"1.5\"/>"
        )
    }

    mutating func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, class style: String) {
        elements.append(
            "<line class=\"\(style)\" x1=\"\(x1.short)\" y1=\"\(y1.short)\" x2=\"\(x2.short)\" y2=\"\(y2.short)\"/>"
        )
    }

    mutating func dot(_ x: Double, _ y: Double, class style: String) {
        elements.append("<circle class=\"\(style)\" cx=\"\(x.short)\" cy=\"\(y.short)\" r=\"3.5\"/>")
    }

    /// The whole file. The page's preference is the only thing that an embedded image can ask for; the background is
    /// drawn, so that the text is readable where the page and the preference disagree.
    var source: String {
        """
        <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(width.short) \(height.short)" width="\(width.short)" \
        height="\(height.short)" role="img">
        <!-- SPDX-License-Identifier: Apache-2.0 -->
        <style>
        text { font: 12px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2328 }
        .title { font-size: 16px; font-weight: 600 } .value, .axis { font-size: 10.5px; fill: #59636e }
        .page { fill: #ffffff } .grid { stroke: #d1d9e0; stroke-width: 1 }
        .s0 { fill: #9ec5f4; stroke: #9ec5f4 } .s1 { fill: #3d84d6; stroke: #3d84d6 }
        .s2 { fill: #0b3d80; stroke: #0b3d80 } .more { fill: #d97706 } line.s0, line.s1, line.s2 { stroke-width: 2.5 }
        @media (prefers-color-scheme: dark) {
        text { fill: #f0f6fc } .value, .axis { fill: #9198a1 } .page { fill: #0d1117 } .grid { stroke: #3d444d }
        .s0 { fill: #1f4f8f; stroke: #1f4f8f } .s1 { fill: #4493f8; stroke: #4493f8 }
        .s2 { fill: #b6d8ff; stroke: #b6d8ff } .more { fill: #f0a44a }
        }
        </style>
        <rect class="page" width="100%" height="100%"/>
        \(elements.joined(separator: "\n"))
        </svg>

        """
    }
}

extension Double {
    /// One place, and none where it is zero.
    fileprivate var short: String {
        let tenths = (self * 10).rounded() / 10
        return tenths == tenths.rounded() ? "\(Int(tenths))" : "\(tenths)"
    }
}

extension String {
    fileprivate var escaped: String {
        replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
    }
}
