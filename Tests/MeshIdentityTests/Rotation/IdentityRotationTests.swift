// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshSecurity
import MeshTesting
import Synchronization
import Testing

@testable import MeshIdentity

/// An issuer that a test can switch off, or make hang.
private final class ScriptedIssuer: CertificateIssuer {
    enum Mood: Sendable { case answering, refusing, hanging }

    struct Unavailable: Error {}

    private let authority: TestAuthority
    private let clock: any MeshClock
    private let mood = Mutex(Mood.answering)
    private let requests = Mutex<[String]>([])

    init(_ authority: TestAuthority, clock: any MeshClock) {
        self.authority = authority
        self.clock = clock
    }

    var asked: Int { requests.withLock { $0.count } }
    var requestedKeys: Set<String> { requests.withLock { Set($0) } }
    func become(_ new: Mood) { mood.withLock { $0 = new } }

    func issue(csrPEM: String, validity: Nanoseconds) async throws -> [String] {
        requests.withLock { $0.append(csrPEM) }
        switch mood.withLock({ $0 }) {
        case .answering: return try authority.answer(csrPEM: csrPEM)
        case .refusing: throw Unavailable()
        case .hanging:
            try await clock.sleep(until: Deadline.never.instant)
            throw Unavailable()
        }
    }
}

@Suite(.timeLimit(.minutes(5))) struct IdentityRotationTests {
    private let clock = ManualClock()
    private let observer = RecordingObserver()
    private let identity: WorkloadIdentity
    private let issuer: ScriptedIssuer
    private let rotation: IdentityRotation

    init() throws {
        self.identity = WorkloadIdentity(spiffeID: try SPIFFEID("spiffe://cluster.local/ns/default/sa/reviews"))
        self.issuer = ScriptedIssuer(try TestAuthority(), clock: clock)
        self.rotation = IdentityRotation(
            identity: identity,
            issuer: issuer,
            clock: clock,
            random: MeshRandom(seed: 1),
            observers: ObserverSet([observer])
        )
    }

    private var renewals: Int {
        observer.events.count { if case .identityRenewed = $0 { true } else { false } }
    }

    private var failures: Int {
        observer.events.count { if case .identityRenewalFailed = $0 { true } else { false } }
    }

    private var warnings: [Double] {
        observer.events.compactMap { if case .identityExpiring(_, let left) = $0 { left.seconds } else { nil } }
    }

    /// Runs a body beside the rotation and cancels it afterwards.
    private func whileRotating(_ body: () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { [rotation] in
                do { try await rotation.run() } catch is CancellationError {}
            }
            try await body()
            group.cancelAll()
            try await group.waitForAll()
        }
    }

    @Test func `the first certificate opens the gate, and each renewal has a new key`() async throws {
        try await whileRotating {
            try await rotation.ready()
            #expect(identity.generation == 1)
            for generation in 2...4 {
                await clock.waitForSleepers()
                clock.advance(by: .seconds(1800))
                await clock.waitForSleepers()
                while identity.generation < generation { await Task.yield() }
            }
            await clock.waitForSleepers()
            #expect(renewals == 4)
            #expect(failures == 0)
            #expect(issuer.requestedKeys.count == 4)
        }
    }

    @Test func `nothing is asked for before 45 percent of the life`() async throws {
        try await whileRotating {
            try await rotation.ready()
            await clock.waitForSleepers()
            clock.advance(by: .seconds(1600))
            #expect(clock.sleeperCount == 1)
            #expect(issuer.asked == 1)
        }
    }

    @Test func `while the issuer is down the last certificate stays in use, and it is asked again`() async throws {
        try await whileRotating {
            try await rotation.ready()
            await clock.waitForSleepers()
            issuer.become(.refusing)
            clock.advance(by: .seconds(1800))
            while failures < 1 { await Task.yield() }
            #expect(identity.generation == 1)
            await clock.waitForSleepers()
            issuer.become(.answering)
            clock.advance(by: .seconds(1))
            while identity.generation < 2 { await Task.yield() }
            #expect(failures == 1)
        }
    }

    @Test func `an issuer that hangs is given up`() async throws {
        issuer.become(.hanging)
        try await whileRotating {
            // The issuer's own sleep and the time limit on it.
            await clock.waitForSleepers(2)
            clock.advance(by: IssuerSource.answerTimeout)
            while failures < 1 { await Task.yield() }
            await clock.waitForSleepers()
            issuer.become(.answering)
            clock.advance(by: .seconds(1))
            try await rotation.ready()
        }
    }

    @Test func `who waits for a certificate that never comes is told when the rotation ends`() async throws {
        issuer.become(.refusing)
        try await whileRotating {
            await clock.waitForSleepers()
        }
        await #expect(throws: CancellationError.self) { try await rotation.ready() }
        #expect(renewals == 0)
    }

    @Test func `an hour without the issuer costs nothing but warnings`() async throws {
        try await whileRotating {
            try await rotation.ready()
            await clock.waitForSleepers()
            issuer.become(.refusing)
            let expiresAt = identity.expiresAt
            // Certificates count real time, so the last one is good all along, whatever the virtual time says.
            for _ in 0..<360 {
                clock.advance(by: .seconds(10))
                await clock.waitForSleepers()
                _ = try identity.makeClientHandler(acceptedIdentities: [])
            }
            while warnings.count < 4 {
                clock.advance(by: .seconds(1))
                await clock.waitForSleepers()
                await Task.yield()
            }
            #expect(identity.generation == 1 && identity.expiresAt == expiresAt)
            #expect(warnings.first.map { $0 > 1100 } == true && warnings.last == 0)
            issuer.become(.answering)
            while identity.generation == 1 {
                clock.advance(by: .seconds(1))
                await clock.waitForSleepers()
                await Task.yield()
            }
            #expect(warnings.count == 4)
        }
    }
}
