// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

extension LoadReport {
    /// Reads the JSON form of an `xds.data.orca.v3.OrcaLoadReport`, with either form of its fields' names; what is
    /// unknown is passed over, as in Envoy.
    init(json: Substring) throws(LoadReportError) {
        self.init()
        var reader = JSONScanner(json)
        var count = 0
        try reader.object { (name, reader) throws(LoadReportError) in
            let name = Self.messageName(name)
            if let field = Self.field(name) {
                if let number = try reader.number() { self[keyPath: field] = number }
            } else if name == "named_metrics" || name == "utilization" {
                if try reader.null() { return }
                try reader.object { (key, reader) throws(LoadReportError) in
                    count += 1
                    guard count <= Self.maximumMetrics else { throw .tooManyMetrics }
                    // A map has no entries that say nothing.
                    guard let number = try reader.number() else { throw JSONScanner.malformed }
                    if name == "utilization" { utilization[key] = number } else { namedMetrics[key] = number }
                }
            } else {
                try reader.skip(depth: 0)
            }
        }
        try reader.end()
        try validate()
    }

    /// The name in the message of a field that has another one in JSON.
    private static func messageName(_ name: String) -> String {
        switch name {
        case "cpuUtilization": "cpu_utilization"
        case "memUtilization": "mem_utilization"
        case "applicationUtilization": "application_utilization"
        case "rpsFractional": "rps_fractional"
        case "namedMetrics": "named_metrics"
        default: name
        }
    }
}

/// Reads JSON (RFC 8259) from its front, with no tree made of it; whatever the text is, it ends.
struct JSONScanner {
    static var malformed: LoadReportError { .malformed("JSON") }
    /// How deep what is passed over may nest.
    private static let maximumDepth = 16

    private var rest: Substring.UTF8View

    init(_ text: Substring) { rest = text.utf8 }

    /// Reads an object, and gives each of its names to `body`, which reads the value.
    mutating func object(
        _ body: (String, inout JSONScanner) throws(LoadReportError) -> Void
    ) throws(LoadReportError) {
        try expect("{")
        if take("}") { return }
        repeat {
            let name = try string()
            try expect(":")
            try body(name, &self)
        } while take(",")
        try expect("}")
    }

    /// Reads a number, which may stand in quotes.
    /// - Returns: `nil` for `null`.
    mutating func number() throws(LoadReportError) -> Double? {
        if try null() { return nil }
        if peek() == UInt8(ascii: "\"") {
            guard let value = Double(decimal: try string()) else { throw Self.malformed }
            return value
        }
        let digits = rest.prefix { byte in
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || "+-.eE".utf8.contains(byte)
        }
        guard let value = Double(decimal: Substring(digits)) else { throw Self.malformed }
        rest = rest.dropFirst(digits.count)
        return value
    }

    /// Reads `null`, if it comes.
    mutating func null() throws(LoadReportError) -> Bool {
        guard peek() == UInt8(ascii: "n") else { return false }
        try word("null")
        return true
    }

    /// Passes over a value.
    mutating func skip(depth: Int) throws(LoadReportError) {
        guard depth < Self.maximumDepth else { throw Self.malformed }
        switch peek() {
        case UInt8(ascii: "{"):
            try object { (_, reader) throws(LoadReportError) in try reader.skip(depth: depth + 1) }
        case UInt8(ascii: "["):
            try expect("[")
            if take("]") { return }
            repeat { try skip(depth: depth + 1) } while take(",")
            try expect("]")
        case UInt8(ascii: "\""): _ = try string()
        case UInt8(ascii: "t"): try word("true")
        case UInt8(ascii: "f"): try word("false")
        default: _ = try number()
        }
    }

    /// Nothing may follow.
    mutating func end() throws(LoadReportError) {
        guard peek() == nil else { throw Self.malformed }
    }

    private mutating func string() throws(LoadReportError) -> String {
        try expect("\"")
        var text = String.UnicodeScalarView()
        var scalars = Substring(rest).unicodeScalars
        while let scalar = scalars.popFirst() {
            switch scalar {
            case "\"":
                rest = Substring(scalars).utf8
                return String(text)
            case "\\": text.append(try Self.escaped(&scalars))
            case "\0"..."\u{1F}": throw Self.malformed
            default: text.append(scalar)
            }
        }
        throw Self.malformed
    }

    private static func escaped(
        _ scalars: inout Substring.UnicodeScalarView
    ) throws(LoadReportError) -> Unicode.Scalar {
        switch scalars.popFirst() {
        case "\"": return "\""
        case "\\": return "\\"
        case "/": return "/"
        case "b": return "\u{8}"
        case "f": return "\u{C}"
        case "n": return "\n"
        case "r": return "\r"
        case "t": return "\t"
        case "u":
            // Halves of pairs are refused: nobody names a metric so.
            let digits = Substring(scalars.prefix(4))
            guard digits.utf8.count == 4, !digits.hasPrefix("+"), !digits.hasPrefix("-"),
                let number = UInt32(digits, radix: 16), let scalar = Unicode.Scalar(number)
            else { throw malformed }
            scalars = scalars.dropFirst(4)
            return scalar
        default: throw malformed
        }
    }

    private mutating func word(_ word: StaticString) throws(LoadReportError) {
        for index in 0..<word.utf8CodeUnitCount {
            guard rest.popFirst() == word.utf8Start[index] else { throw Self.malformed }
        }
    }

    /// The next byte that is no space.
    private mutating func peek() -> UInt8? {
        rest = rest.drop { $0 == 0x20 || $0 == 0x09 || $0 == 0x0A || $0 == 0x0D }
        return rest.first
    }

    private mutating func take(_ mark: Unicode.Scalar) -> Bool {
        guard peek() == UInt8(ascii: mark) else { return false }
        rest.removeFirst()
        return true
    }

    private mutating func expect(_ mark: Unicode.Scalar) throws(LoadReportError) {
        guard take(mark) else { throw Self.malformed }
    }
}
