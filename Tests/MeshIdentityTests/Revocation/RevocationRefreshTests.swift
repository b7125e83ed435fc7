// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import MeshCore
import MeshSecurity
import MeshTesting
import Synchronization
import Testing
import X509

@testable import MeshIdentity

@Suite(.timeLimit(.minutes(5))) struct RevocationRefreshTests {
    private struct Away: Error {}

    private let clock = ManualClock()
    private let observer = RecordingObserver()
    private let authority: TestAuthority
    private let leaf: Certificate

    init() throws {
        self.authority = try TestAuthority()
        self.leaf = try authority.leaf()
    }

    private var news: [Bool] {
        observer.events.compactMap {
            if case .sourceConnection(_, let isConnected, _) = $0 { isConnected } else { nil }
        }
    }

    private func list(_ certificates: [Certificate], number: UInt64, age: TimeInterval) throws -> String {
        try authority.revocationList(of: certificates, number: number, from: Date(timeIntervalSinceNow: -age)).pem
    }

    private func verdict(_ identity: WorkloadIdentity) async -> IdentityError.Code? {
        do {
            _ = try await PeerVerifier(trust: identity.trust).proof(from: [leaf], role: .client)
            return nil
        } catch {
            return error.code
        }
    }

    @Test func `lists come into force as they are, and stay while nothing better comes`() async throws {
        let identity = try await authority.identity(TestAuthority.reviews)
        let box = Answers(answer: try list([], number: 1, age: 300))
        let refresh = try RevocationRefresh(of: identity, clock: clock, observers: ObserverSet([observer])) {
            guard let text = box.text else { throw Away() }
            return text
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                do { try await refresh.run() } catch is CancellationError {}
            }
            await clock.waitForSleepers()
            let look = {
                clock.advance(by: .seconds(60))
                await clock.waitForSleepers()
            }
            #expect(await verdict(identity) == nil && news == [true])
            box.text = try list([leaf], number: 2, age: 200)
            await look()
            #expect(await verdict(identity) == .revoked)
            // Away, damaged, or an older list that was kept to be shown again: the last one stays.
            for bad in [nil, "garbage", try list([], number: 3, age: 250)] {
                box.text = bad
                await look()
                #expect(await verdict(identity) == .revoked)
            }
            #expect(news == [true, false])
            box.text = try list([], number: 4, age: 100)
            await look()
            #expect(await verdict(identity) == nil && news == [true, false, true])
            group.cancelAll()
            try await group.waitForAll()
        }
    }

    private final class Answers: Sendable {
        private let answer: Mutex<String?>

        init(answer: String?) { self.answer = Mutex(answer) }

        var text: String? {
            get { answer.withLock { $0 } }
            set { answer.withLock { $0 = newValue } }
        }
    }
}
