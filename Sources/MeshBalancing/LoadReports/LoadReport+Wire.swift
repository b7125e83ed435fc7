// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

extension LoadReport {
    /// Reads an `xds.data.orca.v3.OrcaLoadReport`.
    ///
    /// Of a field that stands there twice the last one counts, and unknown ones are passed over, as protobuf demands.
    /// - Throws: `LoadReportError` for what is no such message, or out of its bounds.
    public init(serialized bytes: [UInt8]) throws(LoadReportError) {
        self.init()
        var reader = WireReader(bytes[...])
        while let (number, value) = try reader.next() {
            switch (number, value) {
            case (1, .fixed64(let bits)): cpuUtilization = Double(bitPattern: bits)
            case (2, .fixed64(let bits)): memoryUtilization = Double(bitPattern: bits)
            case (5, .bytes(let entry)): try Self.add(entry, to: &utilization)
            case (6, .fixed64(let bits)): requestsPerSecond = Double(bitPattern: bits)
            case (7, .fixed64(let bits)): errorsPerSecond = Double(bitPattern: bits)
            case (8, .bytes(let entry)): try Self.add(entry, to: &namedMetrics)
            case (9, .fixed64(let bits)): applicationUtilization = Double(bitPattern: bits)
            // `rps` and `request_cost`: nobody balances by them.
            default: break
            }
            guard metricCount <= Self.maximumMetrics else { throw .tooManyMetrics }
        }
        try validate()
    }

    /// Reads an entry of a map from text to number.
    private static func add(_ entry: ArraySlice<UInt8>, to metrics: inout [String: Double]) throws(LoadReportError) {
        var name = ""
        var metric = 0.0
        var reader = WireReader(entry)
        while let (number, value) = try reader.next() {
            switch (number, value) {
            case (1, .bytes(let bytes)):
                guard let text = String(validating: bytes, as: UTF8.self) else { throw .malformed("UTF-8") }
                name = text
            case (2, .fixed64(let bits)): metric = Double(bitPattern: bits)
            default: break
            }
        }
        metrics[name] = metric
    }
}
