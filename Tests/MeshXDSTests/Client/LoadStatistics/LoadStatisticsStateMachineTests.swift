// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import SwiftProtobuf
import Testing

@testable import MeshXDS

@Suite("When control planes are told of requests")
struct LoadStatisticsStateMachineTests {
    private let wish = LoadStatisticsWish(clusters: ["c"], interval: .seconds(10))
    private var machine = LoadStatisticsStateMachine(servers: 2, backoff: ReconnectBackoff())

    private func at(_ seconds: UInt64) -> MeshInstant { MeshInstant(nanoseconds: seconds * 1_000_000_000) }

    @Test func `nothing is told before the server has said what it wants to know`() {
        var machine = machine
        let stream = machine.attemptBegan(at: 0, at: at(0))
        #expect(machine.nextReport(on: stream) == nil)
        #expect(machine.timePassed(on: stream, at: at(100)) == nil)
    }

    @Test func `it is told each interval, the first time an interval after it has asked`() {
        var machine = machine
        let stream = machine.attemptBegan(at: 0, at: at(0))
        #expect(machine.wishReceived(wish, on: stream, at: at(1)) == true)
        #expect(machine.timePassed(on: stream, at: at(10)) == nil)
        #expect(machine.nextReport(on: stream) == at(11))
        #expect(machine.timePassed(on: stream, at: at(11)) == wish)
        #expect(machine.timePassed(on: stream, at: at(11)) == nil)
        // A report that is late does not bring the next one forward.
        #expect(machine.timePassed(on: stream, at: at(27)) == wish)
        #expect(machine.nextReport(on: stream) == at(37))
    }

    @Test func `a wish that is repeated changes nothing, another one begins anew`() {
        var machine = machine
        let stream = machine.attemptBegan(at: 0, at: at(0))
        #expect(machine.wishReceived(wish, on: stream, at: at(0)) == true)
        #expect(machine.wishReceived(wish, on: stream, at: at(5)) == false)
        #expect(machine.nextReport(on: stream) == at(10))
        let other = LoadStatisticsWish(clusters: nil, interval: .seconds(2))
        #expect(machine.wishReceived(other, on: stream, at: at(6)) == true)
        #expect(machine.timePassed(on: stream, at: at(8)) == other)
    }

    @Test func `of several servers the first that has asked is told`() {
        var machine = machine
        let second = machine.attemptBegan(at: 1, at: at(0))
        let first = machine.attemptBegan(at: 0, at: at(0))
        _ = machine.wishReceived(wish, on: second, at: at(0))
        #expect(machine.timePassed(on: second, at: at(10)) == wish)
        _ = machine.wishReceived(wish, on: first, at: at(12))
        #expect(machine.timePassed(on: second, at: at(20)) == nil)
        #expect(machine.timePassed(on: first, at: at(22)) == wish)
        _ = machine.streamEnded(first, at: at(25), random: 0.5)
        #expect(machine.timePassed(on: second, at: at(30)) == wish)
    }

    @Test func `streams that end without a word are opened again after 1 s, 1.6 s and so on`() throws {
        var machine = machine
        var now = at(0)
        var waits: [Double] = []
        for failure in 1...3 {
            let stream = machine.attemptBegan(at: 0, at: now)
            let end = machine.streamEnded(stream, at: now, random: 0.5)
            let ending = try #require(end)
            #expect(ending.failuresInRow == failure)
            #expect(machine.nextAttempt(at: 0) == ending.nextAttempt)
            waits.append(ending.nextAttempt.elapsed(since: now).seconds)
            now = ending.nextAttempt
        }
        for (wait, expected) in zip(waits, [1, 1.6, 2.56]) { #expect(abs(wait - expected) < 1e-6) }
        #expect(machine.nextAttempt(at: 1) == at(0), "the other server has failed nobody")
    }

    @Test func `one that was of use is followed by another at once, though not twice in a second`() {
        var machine = machine
        let failed = machine.attemptBegan(at: 0, at: at(0))
        _ = machine.streamEnded(failed, at: at(0), random: 0.5)
        let long = machine.attemptBegan(at: 0, at: at(1))
        _ = machine.wishReceived(wish, on: long, at: at(1))
        let atOnce = machine.streamEnded(long, at: at(61), random: 0.5)
        #expect(atOnce == .init(nextAttempt: at(61), failuresInRow: 0))
        let short = machine.attemptBegan(at: 0, at: at(61))
        _ = machine.wishReceived(wish, on: short, at: at(61))
        let next = machine.streamEnded(short, at: at(61), random: 0.5)
        #expect(next?.nextAttempt == at(62))
    }

    @Test func `a stream that was given up here counts for nothing`() {
        var machine = machine
        let stream = machine.attemptBegan(at: 0, at: at(5))
        machine.streamGivenUp(stream)
        #expect(machine.nextAttempt(at: 0) == at(0))
        #expect(machine.wishReceived(wish, on: stream, at: at(6)) == false, "it came too late")
        #expect(machine.nextReport(on: stream) == nil)
    }

    @Test func `one that winds up while the next is open does not disturb it`() {
        var machine = machine
        let old = machine.attemptBegan(at: 0, at: at(0))
        let new = machine.attemptBegan(at: 0, at: at(1))
        #expect(machine.wishReceived(wish, on: old, at: at(1)) == false)
        _ = machine.wishReceived(wish, on: new, at: at(2))
        machine.streamGivenUp(old)
        #expect(machine.streamEnded(old, at: at(3), random: 0.5) == nil)
        #expect(machine.timePassed(on: old, at: at(20)) == nil)
        #expect(machine.timePassed(on: new, at: at(20)) == wish)
    }
}

@Suite("What a control plane asks of requests")
struct LoadStatisticsWishTests {
    private func wish(_ change: (inout Envoy_Service_LoadStats_V3_LoadStatsResponse) -> Void) -> LoadStatisticsWish {
        var message = Envoy_Service_LoadStats_V3_LoadStatsResponse()
        message.loadReportingInterval = Google_Protobuf_Duration(seconds: 10)
        change(&message)
        return LoadStatisticsWish(message)
    }

    @Test func `clusters by name, or all of them`() {
        #expect(wish { $0.clusters = ["b", "a"] } == .init(clusters: ["a", "b"], interval: .seconds(10)))
        #expect(wish { _ in }.clusters == [])
        let all = wish {
            $0.clusters = ["a"]
            $0.sendAllClusters = true
        }
        #expect(all.clusters == nil)
    }

    @Test(arguments: [
        (Int64(0), Int32(0), UInt64(1)), (0, 50_000_000, 1), (60, 0, 60), (10_000_000, 0, 86_400),
    ])
    func `the interval is kept within 1 s and a day`(seconds: Int64, nanos: Int32, expected: UInt64) {
        let wish = wish { $0.loadReportingInterval = Google_Protobuf_Duration(seconds: seconds, nanos: nanos) }
        #expect(wish == .init(clusters: [], interval: .seconds(expected)))
    }

    @Test func `an interval that is none counts as the shortest, and is told of`() {
        let wish = wish { $0.loadReportingInterval = Google_Protobuf_Duration(seconds: -1) }
        #expect(wish == .init(clusters: [], interval: .seconds(1), ignored: ["load_reporting_interval"]))
    }

    @Test func `counts of single endpoints are not given, which is told of`() {
        #expect(wish { $0.reportEndpointGranularity = true }.ignored == ["report_endpoint_granularity"])
    }
}
