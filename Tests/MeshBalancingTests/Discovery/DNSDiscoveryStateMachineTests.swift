// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshCore
import Testing

@Suite struct DNSDiscoveryStateMachineTests {
    private typealias Machine = DNSDiscoveryStateMachine

    private func instant(_ milliseconds: UInt64) -> MeshInstant {
        MeshInstant(nanoseconds: milliseconds * 1_000_000)
    }

    private func answer(_ hosts: [Int], ttl: Nanoseconds? = nil) -> [ResolvedAddress] {
        hosts.compactMap { IPAddress("10.0.0.\($0)") }.map { ResolvedAddress($0, timeToLive: ttl) }
    }

    @Test(
        arguments: [
            ([1, 2], [1, 2], .none), ([1, 2], [2, 1], .order), ([1, 2], [1, 1, 2], .none), ([1, 2], [1], .members),
            ([1, 2], [1, 2, 3], .members), ([1, 2], [1, 3], .members), ([1], [2], .members),
        ] as [([Int], [Int], DNSDiscoveryStateMachine.Change)]
    )
    func `what counts is who is in an answer`(first: [Int], second: [Int], change: DNSDiscoveryStateMachine.Change) {
        var random = MeshRandom(seed: 1)
        var machine = Machine(.strict, at: instant(0))
        #expect(!machine.isKnown && machine.nextLookup == instant(0))
        #expect(machine.answered(answer(first), at: instant(0), using: &random) == .members)
        #expect(machine.answered(answer(second), at: instant(5_000), using: &random) == change)
        var distinct: [IPAddress] = []
        for address in answer(second).map(\.address) where !distinct.contains(address) { distinct.append(address) }
        #expect(machine.addresses == distinct)
        #expect(machine.nextLookup == instant(10_000))
    }

    @Test func `an empty answer and no answer leave the last addresses in use`() {
        var random = MeshRandom(seed: 1)
        var machine = Machine(.strict, at: instant(0))
        _ = machine.answered(answer([1, 2]), at: instant(1), using: &random)
        #expect(machine.answered([], at: instant(2), using: &random) == .none)
        #expect(machine.failed(at: instant(3), using: &random) == .none)
        #expect(machine.addresses == answer([1, 2]).map(\.address))
        #expect(machine.failuresInRow == 2 && machine.answeredAt == instant(1))
        #expect(machine.answered(answer([2, 1]), at: instant(4), using: &random) == .order)
        #expect(machine.failuresInRow == 0 && machine.answeredAt == instant(4))
    }

    @Test func `the first lookup that fails says that there is no address`() {
        var random = MeshRandom(seed: 1)
        var machine = Machine(.strict, at: instant(0))
        #expect(machine.failed(at: instant(1), using: &random) == .members)
        #expect(machine.isKnown && machine.addresses.isEmpty && machine.answeredAt == nil)
        #expect(machine.failed(at: instant(2), using: &random) == .none)
        #expect(machine.answered(answer([1]), at: instant(3), using: &random) == .members)
    }

    @Test func `without a back-off of its own a failure waits as an answer does`() {
        var random = MeshRandom(seed: 1)
        var machine = Machine(DNSDiscovery(refreshInterval: .seconds(7)), at: instant(0))
        for number: UInt64 in 0..<5 {
            _ = machine.failed(at: instant(number), using: &random)
            #expect(machine.nextLookup == instant(number + 7_000))
        }
    }

    @Test func `the bound of the wait doubles from failure to failure, and an answer ends that`() {
        var random = MeshRandom(seed: 1)
        let backoff = DNSDiscovery.FailureBackoff(base: .milliseconds(100), maximum: .milliseconds(500))
        for bounds in [[100, 200, 400, 500, 500]] as [[UInt64]] {
            var longest = bounds.map { _ in UInt64(0) }
            for _ in 0..<2_000 {
                var machine = Machine(DNSDiscovery(failureBackoff: backoff), at: instant(0))
                _ = machine.failed(at: instant(0), using: &random)
                _ = machine.answered(answer([1]), at: instant(0), using: &random)
                for number in bounds.indices {
                    _ = machine.failed(at: instant(0), using: &random)
                    let wait = machine.nextLookup.nanoseconds
                    #expect(wait >= 1_000_000 && wait < bounds[number] * 1_000_000)
                    longest[number] = max(longest[number], wait)
                }
            }
            // The whole range is used.
            #expect(zip(longest, bounds).allSatisfy { $0 > $1 * 980_000 })
        }
    }

    @Test(
        arguments: [
            (false, [30], 5), (true, [30, 20], 20), (true, [nil, 20], 20), (true, [nil], 5), (true, [0], 5),
            (true, [1], 1), (true, [86_400], 3_600),
        ] as [(Bool, [UInt64?], UInt64)]
    )
    func `the shortest time to live decides, within bounds, where it is respected`(
        respects: Bool,
        times: [UInt64?],
        wait: UInt64
    ) {
        var random = MeshRandom(seed: 1)
        var machine = Machine(DNSDiscovery(respectsTTL: respects), at: instant(0))
        let addresses = times.enumerated().flatMap { answer([$0 + 1], ttl: $1.map { .seconds($0) }) }
        _ = machine.answered(addresses, at: instant(0), using: &random)
        #expect(machine.nextLookup == instant(wait * 1_000))
    }

    @Test func `lookups are put off at random by less than the jitter`() {
        var random = MeshRandom(seed: 1)
        let waits = (0..<1_000).map { _ in
            var machine = Machine(DNSDiscovery(jitter: .seconds(2)), at: instant(0))
            _ = machine.answered(answer([1]), at: instant(0), using: &random)
            return Double(machine.nextLookup.nanoseconds) / 1e9
        }
        #expect(waits.allSatisfy { $0 >= 5 && $0 < 7 })
        #expect((waits.min() ?? 9) < 5.02 && (waits.max() ?? 0) > 6.98)
    }

    @Test func `a shorter interval counts at once, and a longer one from the next answer on`() {
        var random = MeshRandom(seed: 1)
        var machine = Machine(.strict, at: instant(0))
        _ = machine.answered(answer([1]), at: instant(0), using: &random)
        machine.settingsChanged(to: DNSDiscovery(refreshInterval: .seconds(60)), at: instant(1_000))
        #expect(machine.nextLookup == instant(5_000))
        machine.settingsChanged(to: DNSDiscovery(refreshInterval: .seconds(1)), at: instant(2_000))
        #expect(machine.nextLookup == instant(3_000))
        #expect(machine.addresses == answer([1]).map(\.address) && machine.isKnown)
    }

    @Test func `an answer is used up to a bound`() {
        var random = MeshRandom(seed: 1)
        var machine = Machine(.strict, at: instant(0))
        let many = (0..<2_000).compactMap { IPAddress("10.1.\($0 / 250).\($0 % 250)") }.map { ResolvedAddress($0) }
        _ = machine.answered(many, at: instant(0), using: &random)
        #expect(machine.addresses == many.prefix(Machine.maximumAddresses).map(\.address))
        #expect(machine.answered(many, at: instant(1), using: &random) == .none)
    }

    @Test func `whatever comes, addresses are never lost and a lookup is always ahead`() {
        var random = MeshRandom(seed: 42)
        let backoff = DNSDiscovery.FailureBackoff(base: .milliseconds(10), maximum: .seconds(3))
        let settings = DNSDiscovery(failureBackoff: backoff, jitter: .seconds(1), respectsTTL: true)
        var machine = Machine(settings, at: instant(0))
        var (now, last) = (instant(0), Set<IPAddress>())
        for _ in 0..<20_000 {
            let before = machine.addresses
            let change: Machine.Change
            switch random.below(4) {
            case 0: change = machine.failed(at: now, using: &random)
            case 1: change = machine.answered([], at: now, using: &random)
            default:
                let hosts = (0..<1 + random.below(3)).map { _ in Int(random.below(5)) }
                let ttl = random.below(2) == 0 ? nil : Nanoseconds.seconds(random.below(8_000))
                last = Set(answer(hosts).map(\.address))
                change = machine.answered(answer(hosts, ttl: ttl), at: now, using: &random)
            }
            #expect(machine.isKnown && Set(machine.addresses) == last)
            #expect(machine.addresses.count == last.count)
            if !before.isEmpty {
                #expect((change == .none) == (before == machine.addresses))
                #expect((change == .members) == (Set(before) != last))
            }
            let wait = machine.nextLookup.elapsed(since: now)
            #expect(wait >= .milliseconds(1) && wait <= .seconds(3_601))
            now = machine.nextLookup
        }
    }

    @Test(
        arguments: [
            (DNSDiscovery(refreshInterval: .zero), ["refreshInterval"]),
            (DNSDiscovery(refreshInterval: .forever, jitter: .forever), []),
            (DNSDiscovery(lookupTimeout: .zero), ["lookupTimeout"]),
            (DNSDiscovery(lookupTimeout: .seconds(61)), ["lookupTimeout"]),
            (DNSDiscovery(failureBackoff: .init(base: .zero)), ["failureBackoff.base"]),
            (DNSDiscovery(failureBackoff: .init(base: .seconds(2), maximum: .seconds(1))), ["failureBackoff.maximum"]),
            (DNSDiscovery(failureBackoff: .init(base: .seconds(2))), []), (.strict, []), (.logical, []),
        ] as [(DNSDiscovery, [String])]
    )
    func `every bound is checked`(settings: DNSDiscovery, paths: [String]) {
        var found: [String] = []
        do throws(ConfigurationError) { try settings.validate() } catch { found = error.problems.map(\.path) }
        #expect(found == paths)
    }
}
