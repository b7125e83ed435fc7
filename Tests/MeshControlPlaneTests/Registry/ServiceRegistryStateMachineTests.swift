// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@testable import MeshControlPlane

@Suite struct ServiceRegistryStateMachineTests {
    private static let lease = Nanoseconds.seconds(15)

    private static func instant(_ seconds: UInt64) -> MeshInstant { MeshInstant(nanoseconds: seconds * 1_000_000_000) }

    /// Something that happens, and what must come of it.
    enum Step: Sendable {
        case register(String, port: UInt16 = 9080, owner: Int = 0, ServiceRegistryStateMachine.RegisterAction)
        case renew(String, owner: Int = 0, ServiceRegistryStateMachine.InstanceAction)
        case deregister(String, owner: Int = 0, ServiceRegistryStateMachine.InstanceAction)
        case expire([String])
        case wait(seconds: UInt64)
        case holds([String])
        case generation(UInt64)
    }

    /// A story with its name.
    struct Story: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var steps: [Step]

        init(_ name: String, _ steps: [Step]) {
            self.testDescription = name
            self.steps = steps
        }
    }

    @Test(arguments: [
        Story(
            "a lease that is not renewed ends on time",
            [
                .register("a", .registered), .wait(seconds: 14), .expire([]), .holds(["a"]),
                .wait(seconds: 1), .expire(["a"]), .holds([]), .generation(2),
            ]
        ),
        Story(
            "a renewal begins the lease anew and changes nothing else",
            [
                .register("a", .registered), .wait(seconds: 14), .renew("a", .done), .wait(seconds: 14),
                .holds(["a"]), .generation(1), .wait(seconds: 1), .expire(["a"]),
            ]
        ),
        Story(
            "nobody renews a lease that is over",
            [.register("a", .registered), .wait(seconds: 15), .renew("a", .unknown), .holds([])]
        ),
        Story(
            "the same registration again is no change, another one is",
            [
                .register("a", .registered), .register("a", .registered), .generation(1),
                .register("a", port: 9081, .registered), .generation(2), .holds(["a"]),
            ]
        ),
        Story(
            "goodbye is at once, and only once",
            [
                .register("a", .registered), .deregister("a", .done), .holds([]), .generation(2),
                .deregister("a", .unknown), .generation(2),
            ]
        ),
        Story(
            "another token cannot touch an instance",
            [
                .register("a", .registered), .register("a", owner: 1, .refusedForeign),
                .renew("a", owner: 1, .refusedForeign), .deregister("a", owner: 1, .refusedForeign),
                .register("b", owner: 1, .refusedOccupied), .holds(["a"]), .generation(1),
                .wait(seconds: 15), .register("b", owner: 1, .registered), .holds(["b"]),
            ]
        ),
        Story(
            "who listens where a dead instance did takes its place",
            [
                .register("a", .registered), .wait(seconds: 5), .register("b", .registered), .holds(["b"]),
                .renew("a", .unknown), .wait(seconds: 10), .holds(["b"]), .expire([]), .generation(2),
            ]
        ),
        Story(
            "an instance may move to the address of another one",
            [
                .register("a", .registered), .register("b", port: 9081, .registered),
                .register("b", .registered), .holds(["b"]), .register("c", port: 9081, .registered),
                .holds(["b", "c"]),
            ]
        ),
        Story(
            "the bound holds new instances off, not those that are there",
            [
                .register("a", port: 1, .registered), .register("b", port: 2, .registered),
                .register("c", port: 3, .registered), .register("d", port: 4, .refusedFull),
                .register("a", port: 5, .registered), .register("d", port: 2, .registered),
                .holds(["a", "c", "d"]), .wait(seconds: 15), .register("e", port: 6, .registered), .holds(["e"]),
            ]
        ),
    ])
    func `every story ends as it must`(_ story: Story) {
        var machine = ServiceRegistryStateMachine(leaseDuration: Self.lease, maximumInstances: 3)
        var now = Self.instant(1)
        for (number, step) in story.steps.enumerated() {
            let at = Comment("step \(number): \(step)")
            switch step {
            case .register(let id, let port, let owner, let expected):
                let registration = Samples.registration(id, port: port)
                #expect(machine.registered(registration, owner: owner, at: now) == expected, at)
            case .renew(let id, let owner, let expected):
                #expect(machine.renewed(id, owner: owner, at: now) == expected, at)
            case .deregister(let id, let owner, let expected):
                #expect(machine.deregistered(id, owner: owner, at: now) == expected, at)
            case .expire(let expected): #expect(machine.expired(at: now) == expected, at)
            case .wait(let seconds): now = now.advanced(by: .seconds(seconds))
            case .holds(let ids): #expect(machine.registrations.map(\.id).sorted() == ids, at)
            case .generation(let expected): #expect(machine.generation == expected, at)
            }
        }
    }

    @Test func `an instance that begins to drain is a change, once`() {
        var machine = ServiceRegistryStateMachine(leaseDuration: Self.lease, maximumInstances: 3)
        let now = Self.instant(1)
        _ = machine.registered(Samples.registration("a"), owner: 0, at: now)
        #expect(machine.renewed("a", owner: 1, state: .draining, at: now) == .refusedForeign)
        #expect(machine.generation == 1)
        for state in [Registration.State.draining, nil, .draining] {
            #expect(machine.renewed("a", owner: 0, state: state, at: now) == .done)
            #expect(machine.registrations.map(\.state) == [.draining] && machine.generation == 2)
        }
        // Who registers anew serves anew.
        _ = machine.registered(Samples.registration("a"), owner: 0, at: now)
        #expect(machine.registrations.map(\.state) == [.serving] && machine.generation == 3)
    }

    @Test func `a random walk agrees with a plain model and keeps every invariant`() {
        struct Modelled {
            var registration: Registration
            var owner: Int
            var expiry: MeshInstant
        }
        let random = MeshRandom(seed: 11)
        var machine = ServiceRegistryStateMachine(leaseDuration: Self.lease, maximumInstances: 8)
        var model: [String: Modelled] = [:]
        var now = Self.instant(1)
        for _ in 0..<20_000 {
            now = now.advanced(by: .milliseconds(random.below(4000)))
            model = model.filter { $0.value.expiry > now }
            let id = "i\(random.below(12))"
            let owner = Int(random.below(2))
            let expiry = now.advanced(by: Self.lease)
            switch random.below(4) {
            case 0, 1:
                let registration = Samples.registration(id, port: UInt16(1 + random.below(10)))
                let action = machine.registered(registration, owner: owner, at: now)
                let neighbour = model.first { $0.key != id && $0.value.registration.port == registration.port }
                if let present = model[id], present.owner != owner {
                    #expect(action == .refusedForeign)
                } else if let neighbour, neighbour.value.owner != owner {
                    #expect(action == .refusedOccupied)
                } else if model[id] == nil, neighbour == nil, model.count == 8 {
                    #expect(action == .refusedFull)
                } else {
                    #expect(action == .registered)
                    if let neighbour { model[neighbour.key] = nil }
                    model[id] = Modelled(registration: registration, owner: owner, expiry: expiry)
                }
            case 2:
                let action = machine.renewed(id, owner: owner, at: now)
                #expect(action == (model[id].map { $0.owner == owner ? .done : .refusedForeign } ?? .unknown))
                if action == .done { model[id]?.expiry = expiry }
            default:
                let action = machine.deregistered(id, owner: owner, at: now)
                #expect(action == (model[id].map { $0.owner == owner ? .done : .refusedForeign } ?? .unknown))
                if action == .done { model[id] = nil }
            }
            #expect(machine.checkInvariants(at: now))
            #expect(Set(machine.registrations) == Set(model.values.map(\.registration)))
        }
    }
}
