// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@testable import MeshBalancing

@Suite("Load reports")
struct LoadReportTests {
    /// Written by protobuf's Python library: every field of the message, `request_cost` and `rps` as well.
    private static let binary =
        "CQAAAAAAAOA/EQAAAAAAANA/GAkiDQoCZGIRAAAAAAAAAEAqDwoEZGlzaxHNzMzMzMzsPzEAAAAAABBZQDkA"
        + "AAAAAAAIQEIQCgVxdWV1ZREAAAAAAAAcQEkAAAAAAADoPw=="
    private static let report = LoadReport(
        cpuUtilization: 0.5,
        memoryUtilization: 0.25,
        applicationUtilization: 0.75,
        requestsPerSecond: 100.25,
        errorsPerSecond: 3,
        utilization: ["disk": 0.9],
        namedMetrics: ["queue": 7]
    )

    private func error(_ prefixed: String) -> LoadReportError? {
        do throws(LoadReportError) {
            _ = try LoadReport.read(binary: nil, prefixed: prefixed)
            return nil
        } catch {
            return error
        }
    }

    @Test func `the binary form is read from gRPC's header and from Envoy's, with padding and without`() throws {
        let unpadded = String(Self.binary.dropLast(2))
        for text in [Self.binary, unpadded, unpadded + ",CQAAAAAAAOA/"] {
            #expect(try LoadReport.read(binary: text, prefixed: nil) == Self.report)
        }
        #expect(try LoadReport.read(binary: nil, prefixed: "BIN " + Self.binary) == Self.report)
        #expect(try LoadReport.read(binary: Self.binary, prefixed: "no form at all") == Self.report)
        #expect(try LoadReport.read(binary: nil, prefixed: nil) == nil)
    }

    @Test func `the text form is read as Envoy reads it`() throws {
        let text =
            "TEXT cpu_utilization:0.5, mem_utilization: 0.25 ,application_utilization:0.75,rps_fractional:100.25,eps:3,"
            + "named_metrics.queue:-7e0"
        var expected = Self.report
        expected.utilization = [:]
        expected.namedMetrics = ["queue": -7]
        #expect(try LoadReport.read(binary: nil, prefixed: text) == expected)
        #expect(try LoadReport.read(binary: nil, prefixed: "TEXT ") == LoadReport())
    }

    @Test func `the JSON form is read with both forms of its names, and what is unknown is passed over`() throws {
        let json = """
            JSON { "cpuUtilization": 0.5, "mem_utilization": "0.25", "applicationUtilization":7.5e-1,
            "rpsFractional":100.25,"eps":3, "rps": "9", "requestCost": {"db": 2},
            "later": [1, {"a": [null, true]}, "\\u0041\\n"],
            "utilization": {"di\\u0073k": 0.9}, "namedMetrics": {"queue": 7} }
            """
        #expect(try LoadReport.read(binary: nil, prefixed: json) == Self.report)
        #expect(try LoadReport.read(binary: nil, prefixed: "JSON {\"eps\":null,\"namedMetrics\":null}") == LoadReport())
    }

    @Test(
        arguments: [
            ("", .unknownFormat), ("cpu_utilization:1", .unknownFormat), ("text cpu_utilization:1", .unknownFormat),
            ("BIN ", .malformed("base 64")), ("BIN A", .malformed("base 64")), ("BIN A?==", .malformed("base 64")),
            ("BIN CQ==", .malformed("a protobuf message")),
            ("TEXT cpu_utilization", .malformed("pairs of a name and a number")),
            ("TEXT cpu_utilization:", .malformed("pairs of a name and a number")),
            ("TEXT cpu_utilization:0x1", .malformed("pairs of a name and a number")),
            ("TEXT cpu_utilization:nan", .malformed("pairs of a name and a number")),
            ("TEXT cpu_utilization:inf", .malformed("pairs of a name and a number")),
            ("TEXT cpu_utilization:1e999", .malformed("pairs of a name and a number")),
            ("TEXT cpu_utilization:-0.5", .outOfRange("cpu_utilization")), ("TEXT eps:-1", .outOfRange("eps")),
            ("TEXT rps_fractional:-1", .outOfRange("rps_fractional")),
            ("TEXT mem_utilization:-1", .outOfRange("mem_utilization")),
            ("TEXT application_utilization:-1", .outOfRange("application_utilization")),
            ("TEXT eps:1,eps:1", .duplicate("eps")), ("TEXT color:1", .malformed("of known metrics: color is none")),
            ("TEXT named_metrics.:1", .malformed("of known metrics: named_metrics. is none")),
            ("JSON ", .malformed("JSON")), ("JSON {", .malformed("JSON")), ("JSON {}x", .malformed("JSON")),
            ("JSON {\"eps\":\"NaN\"}", .malformed("JSON")), ("JSON {\"eps\":Infinity}", .malformed("JSON")),
            ("JSON {\"eps\":true}", .malformed("JSON")), ("JSON {\"utilization\":{\"a\":null}}", .malformed("JSON")),
            ("JSON {\"utilization\":{\"a\":-1}}", .outOfRange("utilization")),
            ("JSON {\"a\":\"\\ud800\"}", .malformed("JSON")),
        ] as [(String, LoadReportError)]
    )
    func `what is no report is refused with its reason`(_ text: String, _ expected: LoadReportError) {
        #expect(error(text) == expected)
        #expect(!expected.reason.isEmpty)
    }

    @Test func `numbers that are none are refused in the binary form`() {
        for (bits, name) in [
            (Double.nan, "cpu_utilization"), (.infinity, "cpu_utilization"), (-1, "cpu_utilization"),
        ] {
            #expect(throws: LoadReportError.outOfRange(name)) {
                try LoadReport(serialized: [0x09] + Self.bytes(bits))
            }
        }
        let metric = [0x0A, 1, 0x61, 0x11] + Self.bytes(.nan)
        #expect(throws: LoadReportError.outOfRange("named_metrics")) {
            try LoadReport(serialized: [0x42, UInt8(metric.count)] + metric)
        }
        #expect(throws: LoadReportError.outOfRange("utilization")) {
            try LoadReport(serialized: [0x2A, UInt8(metric.count)] + metric)
        }
    }

    private static func bytes(_ number: Double) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: number.bitPattern >> (8 * $0)) }
    }

    @Test func `what is too long or has too many metrics is refused`() {
        #expect(error("TEXT " + String(repeating: " ", count: LoadReport.maximumLength)) == .tooLong)
        let pairs = (0...LoadReport.maximumMetrics).map { "named_metrics.\($0):1" }
        #expect(error("TEXT " + pairs.joined(separator: ",")) == .tooManyMetrics)
        #expect(error("TEXT " + pairs.dropLast().joined(separator: ",")) == nil)
        let members = (0...LoadReport.maximumMetrics).map { "\"\($0)\":1" }.joined(separator: ",")
        #expect(error("JSON {\"namedMetrics\":{\(members)}}") == .tooManyMetrics)
        let entries = (0...LoadReport.maximumMetrics).flatMap { [0x42, 3, 0x0A, 1, UInt8($0 % 128)] as [UInt8] }
        #expect(throws: LoadReportError.tooManyMetrics) { try LoadReport(serialized: entries) }
        let deep = String(repeating: "[", count: 100) + String(repeating: "]", count: 100)
        #expect(error("JSON {\"a\":\(deep)}") == .malformed("JSON"))
    }

    @Test func `metrics are found by their names in xDS`() {
        for (name, expected) in [
            ("cpu_utilization", 0.5), ("mem_utilization", 0.25), ("application_utilization", 0.75),
            ("rps_fractional", 100.25), ("eps", 3), ("utilization.disk", 0.9), ("named_metrics.queue", 7),
            ("named_metrics.disk", nil), ("queue", nil), ("", nil),
        ] as [(String, Double?)] {
            #expect(Self.report[metric: name] == expected)
        }
    }

    @Test func `whatever the bytes are, reading ends, and what it gives is in its bounds`() {
        let random = MeshRandom(seed: 58)
        guard let valid = Base64.decoded(Self.binary) else { return #expect(Bool(false), "the sample is no base 64") }
        for _ in 0..<20_000 {
            var bytes = valid
            switch random.below(3) {
            case 0: bytes = (0..<random.below(40)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            case 1: bytes.removeLast(Int(random.below(UInt64(bytes.count))))
            default:
                for _ in 0...random.below(4) {
                    bytes[Int(random.below(UInt64(bytes.count)))] = UInt8(truncatingIfNeeded: random.next())
                }
            }
            guard let report = try? LoadReport(serialized: bytes) else { continue }
            #expect(report.cpuUtilization >= 0 && report.cpuUtilization.isFinite)
            #expect(report.metricCount <= LoadReport.maximumMetrics)
        }
        let marks = Array("{}[]:,\"\\u+-.eE0159ntrflaspi \n")
        for _ in 0..<20_000 {
            let text = String((0..<random.below(30)).map { _ in marks[Int(random.below(UInt64(marks.count)))] })
            for form in ["TEXT ", "JSON ", "JSON {\"eps\":", "BIN "] {
                _ = try? LoadReport.read(binary: nil, prefixed: form + text)
            }
        }
    }
}
