// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation

/// A plot of one figure: a group of marks for each variant, one mark for each number of concurrent requests.
struct Plot {
    /// What stands for a variant in a cell.
    struct Mark {
        var from = 0.0
        var to: Double
        /// A second part of a bar, behind the first.
        var more = 0.0
        var label: String
    }

    enum Form {
        /// Bars from zero.
        case bars
        /// From one value to another, on a logarithmic scale.
        case ranges
    }

    var title: String
    var note: String
    var form: Form
    var marks: (_ variant: Variant, _ cell: Cell) -> Mark?

    func draw(_ results: Results) -> String {
        let cells = results.cells.filter { $0.size == .small }
        let variants = Variant.allCases.filter { variant in cells.contains { marks(variant, $0) != nil } }
        let all = variants.flatMap { variant in cells.compactMap { marks(variant, $0) } }
        guard !all.isEmpty else { return SVGDocument(width: 1).source }
        let scale = Scale(form, all)

        var drawing = SVGDocument(width: 920)
        drawing.text(title, 16, 28, class: "title")
        drawing.text(note, 16, 47, class: "value")
        for (index, cell) in cells.enumerated() {
            let x = 16 + Double(index) * 120
            drawing.bar(x, 58, 11, 11, class: "s\(index % 3)")
            drawing.text("\(cell.concurrency) concurrent", x + 16, 68, class: "value")
        }
        let top = 92.0
        let rowHeight = 13.0
        let groupHeight = Double(cells.count) * rowHeight + 10
        let bottom = top + Double(variants.count) * groupHeight
        for tick in scale.ticks {
            drawing.line(scale.x(tick), top - 6, scale.x(tick), bottom, class: "grid")
            drawing.text(tick.grouped, scale.x(tick), bottom + 14, class: "axis", anchor: "middle")
        }
        for (row, variant) in variants.enumerated() {
            let y = top + Double(row) * groupHeight
            drawing.text(variant.title, Scale.left - 10, y + groupHeight / 2, anchor: "end")
            for (index, cell) in cells.enumerated() {
                guard let mark = marks(variant, cell) else { continue }
                draw(mark, scale, y + Double(index) * rowHeight, "s\(index % 3)", &drawing)
            }
        }
        drawing.grow(to: bottom + 30)
        return drawing.source
    }

    private func draw(_ mark: Mark, _ scale: Scale, _ y: Double, _ style: String, _ drawing: inout SVGDocument) {
        switch form {
        case .bars:
            drawing.bar(Scale.left, y, scale.x(mark.to) - Scale.left, 10, class: style)
            let end = scale.x(mark.to + mark.more)
            if mark.more > 0 { drawing.bar(scale.x(mark.to), y, end - scale.x(mark.to), 10, class: "more") }
            drawing.text(mark.label, end + 5, y + 9, class: "value")
        case .ranges:
            drawing.line(scale.x(mark.from), y + 5, scale.x(mark.to), y + 5, class: style)
            drawing.dot(scale.x(mark.from), y + 5, class: style)
            drawing.text(mark.label, scale.x(mark.to) + 7, y + 9, class: "value")
        }
    }

    /// From figures to places.
    private struct Scale {
        static let left = 320.0
        static let right = 820.0

        let form: Form
        let range: ClosedRange<Double>
        let ticks: [Double]

        init(_ form: Form, _ marks: [Mark]) {
            self.form = form
            let largest = max(1, marks.map { $0.to + $0.more }.max() ?? 1)
            switch form {
            case .bars:
                // The smallest of 1, 2 and 5 times a power of ten that makes no more than eight steps.
                let power = pow(10, log10(largest).rounded(.down))
                let step = [0.1, 0.2, 0.5, 1].map { $0 * power }.first { largest / $0 <= 8 } ?? power
                range = 0...largest
                ticks = Array(stride(from: 0, through: largest, by: step))
            case .ranges:
                let smallest = max(1, marks.map(\.from).min() ?? 1)
                range = log10(smallest).rounded(.down)...max(1, log10(largest).rounded(.up))
                ticks = stride(from: range.lowerBound, through: range.upperBound, by: 1).map { pow(10, $0) }
            }
        }

        func x(_ value: Double) -> Double {
            let place = form == .bars ? value : log10(max(value, 1))
            let share = (place - range.lowerBound) / (range.upperBound - range.lowerBound)
            return Self.left + share * (Self.right - Self.left)
        }
    }
}

extension Double {
    /// Without places, in groups of three digits.
    var grouped: String {
        let digits = String(Int(rounded()))
        let groups = digits.reversed().enumerated().map { place, digit in
            place > 0 && place % 3 == 0 ? "\u{2009}\(digit)" : "\(digit)"
        }
        return String(groups.joined().reversed())
    }
}
