// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@testable import MeshBalancing

@Suite("Load reports that a service sends itself")
struct LoadReportEncodingTests {
    @Test func `are read as they were written`() throws {
        var random = MeshRandom(seed: 5)
        for _ in 0..<500 {
            func number(_ random: inout MeshRandom) -> Double {
                random.below(3) == 0 ? 0 : Double.random(in: 0...1e6, using: &random)
            }
            var report = LoadReport(
                cpuUtilization: number(&random),
                memoryUtilization: number(&random),
                applicationUtilization: number(&random),
                requestsPerSecond: number(&random),
                errorsPerSecond: number(&random)
            )
            for position in 0..<random.below(50) {
                report.utilization["u\(position)"] = number(&random)
                report.namedMetrics[String(repeating: "ä", count: Int(position) + 1)] = -number(&random)
            }
            #expect(try LoadReport(serialized: report.serialized) == report)
            #expect(try LoadReport.read(binary: report.binaryHeaderValue, prefixed: nil) == report)
            #expect(try LoadReport.read(binary: nil, prefixed: "BIN " + report.binaryHeaderValue) == report)
        }
    }

    @Test func `have the bytes of protobuf`() {
        #expect(LoadReport().serialized == [])
        let half: [UInt8] = [0, 0, 0, 0, 0, 0, 0xE0, 0x3F]
        #expect(LoadReport(cpuUtilization: 0.5).serialized == [0x09] + half)
        #expect(LoadReport(applicationUtilization: 0.5).serialized == [0x49] + half)
        #expect(LoadReport(namedMetrics: ["q": 0.5]).serialized == [0x42, 12, 0x0A, 1, 0x71, 0x11] + half)
    }

    @Test func `leave out what no reader takes`() throws {
        var report = LoadReport(cpuUtilization: .nan, requestsPerSecond: -1, errorsPerSecond: .infinity)
        report.utilization = ["a": -1, "b": .nan, "c": 0.25]
        report.namedMetrics = ["d": .infinity, "e": -3]
        #expect(
            try LoadReport(serialized: report.serialized)
                == LoadReport(utilization: ["c": 0.25], namedMetrics: ["e": -3])
        )
        for number in 0..<200 { report.namedMetrics["m\(number)"] = 1 }
        let read = try LoadReport(serialized: report.serialized)
        #expect(read.metricCount == LoadReport.maximumMetrics)
        #expect(read.utilization == ["c": 0.25])
    }
}
