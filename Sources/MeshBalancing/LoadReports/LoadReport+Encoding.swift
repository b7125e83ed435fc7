// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

extension LoadReport {
    /// The report as an `xds.data.orca.v3.OrcaLoadReport`, for services that report their own load: what 0 stands for is
    /// left out, and so is what no reader takes, numbers out of their range and metrics beyond `maximumMetrics`.
    /// - Complexity: O(metrics × log metrics).
    public var serialized: [UInt8] {
        var bytes: [UInt8] = []
        Self.append(cpuUtilization, as: 1, to: &bytes)
        Self.append(memoryUtilization, as: 2, to: &bytes)
        let shares = utilization.filter { $0.value >= 0 && $0.value.isFinite }
        let metrics = namedMetrics.filter { $0.value.isFinite }
        // By their names, so that one report always has the same bytes.
        for (name, value) in shares.sorted(by: { $0.key < $1.key }).prefix(Self.maximumMetrics) {
            Self.append(name, value, as: 5, to: &bytes)
        }
        Self.append(requestsPerSecond, as: 6, to: &bytes)
        Self.append(errorsPerSecond, as: 7, to: &bytes)
        let room = max(Self.maximumMetrics - shares.count, 0)
        for (name, value) in metrics.sorted(by: { $0.key < $1.key }).prefix(room) {
            Self.append(name, value, as: 8, to: &bytes)
        }
        Self.append(applicationUtilization, as: 9, to: &bytes)
        return bytes
    }

    /// The value of `endpoint-load-metrics-bin` (`HeaderName.endpointLoadMetricsBinary`) in a response's header or trailer,
    /// as gRPC's servers send it (gRFC A51); Envoy reads it, too.
    public var binaryHeaderValue: String { Base64.encoded(serialized) }

    private static func append(_ value: Double, as number: UInt8, to bytes: inout [UInt8]) {
        guard value > 0, value.isFinite else { return }
        appendDouble(value, as: number, to: &bytes)
    }

    private static func append(_ name: String, _ value: Double, as number: UInt8, to bytes: inout [UInt8]) {
        var entry: [UInt8] = [0x0A]
        appendLength(name.utf8.count, to: &entry)
        entry += name.utf8
        appendDouble(value, as: 2, to: &entry)
        bytes.append(number << 3 | 2)
        appendLength(entry.count, to: &bytes)
        bytes += entry
    }

    /// A field of 64 bits, in the order of the wire: the lowest byte first.
    private static func appendDouble(_ value: Double, as number: UInt8, to bytes: inout [UInt8]) {
        bytes.append(number << 3 | 1)
        for place in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: value.bitPattern >> (8 * place))) }
    }

    private static func appendLength(_ length: Int, to bytes: inout [UInt8]) {
        var rest = length
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }
}
