// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

extension LoadReport {
    /// Reads a report from the values of a response's headers or trailers.
    ///
    /// The binary header counts where both are there, as in Envoy, and the first value where there are several.
    /// - Parameters:
    ///   - binary: The value of `endpoint-load-metrics-bin`.
    ///   - prefixed: The value of `endpoint-load-metrics`.
    /// - Returns: `nil` if neither is there.
    /// - Throws: `LoadReportError` for what cannot be used; it may be counted, and is otherwise left aside.
    /// - Complexity: O(length), which is bounded.
    public static func read(binary: String?, prefixed: String?) throws(LoadReportError) -> LoadReport? {
        if let binary {
            guard binary.utf8.count <= maximumLength else { throw .tooLong }
            // A comma is in no base 64: it joins several values.
            return try LoadReport(base64: binary.prefix { $0 != "," })
        }
        guard let prefixed else { return nil }
        guard prefixed.utf8.count <= maximumLength else { throw .tooLong }
        if prefixed.hasPrefix("BIN ") { return try LoadReport(base64: prefixed.dropFirst(4)) }
        if prefixed.hasPrefix("TEXT ") { return try LoadReport(text: prefixed.dropFirst(5)) }
        if prefixed.hasPrefix("JSON ") { return try LoadReport(json: prefixed.dropFirst(5)) }
        throw .unknownFormat
    }

    private init(base64: Substring) throws(LoadReportError) {
        guard let bytes = Base64.decodedUnpadded(base64) else { throw .malformed("base 64") }
        try self.init(serialized: bytes)
    }

    /// Reads `name: value` pairs between commas, whose names are those of the message, or of its named metrics behind
    /// their prefix. What has another name is refused, as in Envoy.
    init(text: Substring) throws(LoadReportError) {
        self.init()
        var names: Set<Substring> = []
        for pair in text.split(separator: ",") {
            let pair = pair.trimmed
            if pair.isEmpty { continue }
            guard let colon = pair.firstIndex(of: ":") else { throw .malformed("pairs of a name and a number") }
            let name = pair[..<colon].trimmed
            guard names.insert(name).inserted else { throw .duplicate(String(name)) }
            guard names.count <= Self.maximumMetrics else { throw .tooManyMetrics }
            guard let value = Double(decimal: pair[pair.index(after: colon)...].trimmed) else {
                throw .malformed("pairs of a name and a number")
            }
            if let field = Self.field(String(name)) {
                self[keyPath: field] = value
            } else if name.hasPrefix(Self.namedMetricPrefix), name.count > Self.namedMetricPrefix.count {
                namedMetrics[String(name.dropFirst(Self.namedMetricPrefix.count))] = value
            } else {
                throw .malformed("of known metrics: \(name.prefix(64)) is none")
            }
        }
        try validate()
    }
}

extension Substring {
    /// Without spaces and tabs around it.
    fileprivate var trimmed: Substring {
        let isBlank = { (character: Character) in character == " " || character == "\t" }
        var rest = drop(while: isBlank)
        while let last = rest.last, isBlank(last) { rest.removeLast() }
        return rest
    }
}

extension Double {
    /// Reads a number as people write it: no hexadecimal digits, no infinity, nothing that is no number.
    init?(decimal text: some StringProtocol) {
        let isOfNumber = text.utf8.allSatisfy { byte in
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || "+-.eE".utf8.contains(byte)
        }
        guard isOfNumber, let value = Double(text), value.isFinite else { return nil }
        self = value
    }
}
