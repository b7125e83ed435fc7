// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import MeshCore
import MeshSecurity
import MeshTesting
import Synchronization
import Testing

@testable import MeshIdentity

/// Files in memory, which a test replaces one by one.
private final class Shelf: Sendable {
    private let files = Mutex<[String: String]>([:])

    subscript(path: String) -> String? {
        get { files.withLock { $0[path] } }
        set { files.withLock { $0[path] = newValue } }
    }

    func put(_ material: IdentityMaterial) {
        files.withLock { files in
            files["/certs/cert-chain.pem"] = material.certificate.chain
            files["/certs/key.pem"] = material.certificate.privateKey.revealed
            files["/certs/root-cert.pem"] = material.roots["cluster.local"]
        }
    }

    func read(_ path: String) -> Result<[UInt8], FileProblem> {
        self[path].map { .success(Array($0.utf8)) } ?? .failure(FileProblem(description: "\(path) cannot be read"))
    }
}

@Suite(.timeLimit(.minutes(5))) struct FileIdentitySourceTests {
    private let clock = ManualClock()
    private let observer = RecordingObserver()
    private let shelf = Shelf()
    private let authority: TestAuthority
    private let identity: WorkloadIdentity

    init() throws {
        self.authority = try TestAuthority()
        self.identity = WorkloadIdentity(spiffeID: try SPIFFEID(TestAuthority.reviews))
    }

    private var failures: Int {
        observer.events.count { if case .identityRenewalFailed = $0 { true } else { false } }
    }

    private func whileWatching(_ body: (_ look: (Int) async -> Void) async throws -> Void) async throws {
        let shelf = shelf
        let source = try FileIdentitySource(
            paths: .init(istioFolder: "/certs"),
            interval: .seconds(1),
            clock: clock,
            read: { shelf.read($0) }
        )
        let rotation = IdentityRotation(
            identity: identity,
            source: source,
            clock: clock,
            observers: ObserverSet([observer])
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                do { try await rotation.run() } catch is CancellationError {}
            }
            // The source and the watch over the expiry.
            await clock.waitForSleepers(2)
            try await body { looks in
                for _ in 0..<looks {
                    clock.advance(by: .seconds(1))
                    await clock.waitForSleepers(2)
                }
            }
            group.cancelAll()
            try await group.waitForAll()
        }
    }

    @Test func `files are taken into use, and again when all of them have changed`() async throws {
        shelf.put(try authority.material())
        try await whileWatching { look in
            #expect(identity.generation == 1)
            await look(3)
            #expect(identity.generation == 1)
            shelf.put(try authority.material())
            await look(1)
            #expect(identity.generation == 2)
            #expect(failures == 0)
        }
    }

    @Test func `while they are replaced one by one the last identity stays, and nobody is told`() async throws {
        shelf.put(try authority.material())
        try await whileWatching { look in
            let next = try authority.material()
            shelf["/certs/key.pem"] = next.certificate.privateKey.revealed
            await look(1)
            #expect(identity.generation == 1)
            shelf["/certs/cert-chain.pem"] = next.certificate.chain
            await look(1)
            #expect(identity.generation == 2)
            #expect(failures == 0)
        }
    }

    @Test func `files that stay as they are and do not fit are told about, once`() async throws {
        shelf.put(try authority.material())
        try await whileWatching { look in
            shelf["/certs/key.pem"] = try authority.material().certificate.privateKey.revealed
            await look(10)
            #expect(identity.generation == 1)
            #expect(failures == 1)
            let texts = observer.events.map { "\($0)" }.joined()
            #expect(!texts.contains("PRIVATE"))
        }
    }

    @Test func `files that are missing at first, or for a while, are waited for`() async throws {
        try await whileWatching { look in
            await look(5)
            #expect(identity.generation == 0 && failures == 1)
            shelf.put(try authority.material())
            await look(1)
            #expect(identity.generation == 1)
            shelf["/certs/root-cert.pem"] = nil
            await look(5)
            #expect(identity.generation == 1 && failures == 2)
            _ = try identity.current()
        }
    }

    @Test func `what is another's, expired, cut off or no certificate changes nothing`() async throws {
        let good = try authority.material()
        let bad = [
            try authority.material("spiffe://cluster.local/ns/default/sa/ratings"),
            try authority.material { $0.notAfter = .init(timeIntervalSinceNow: -10) },
            try TestAuthority().material(),
        ]
        shelf.put(good)
        try await whileWatching { look in
            for (number, material) in bad.enumerated() {
                shelf.put(material)
                shelf["/certs/root-cert.pem"] = good.roots["cluster.local"]
                await look(4)
                #expect(identity.generation == 1 && failures == number + 1)
            }
            shelf["/certs/cert-chain.pem"] = String(good.certificate.chain.prefix(100))
            await look(4)
            #expect(identity.generation == 1 && failures == bad.count + 1)
        }
    }
}
