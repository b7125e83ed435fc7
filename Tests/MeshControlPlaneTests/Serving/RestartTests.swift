// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Logging
import MeshCore
import MeshManifests
import MeshTesting
import Testing

@testable import MeshControlPlane
@testable import MeshXDS

/// A control plane that restarts has forgotten every instance; its clients have not.
@Suite(.timeLimit(.minutes(5))) struct RestartTests {
    /// What lives as long as one process of the control plane.
    private struct Process {
        let clock: ManualClock
        let store: ConfigurationStore
        let provider: ControlPlaneProvider

        init(epoch: UInt64, clock: ManualClock) {
            let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            self.clock = clock
            self.store = ConfigurationStore(configuration: Samples.configuration(), epoch: epoch, logger: logger)
            self.provider = ControlPlaneProvider(
                store: store,
                inventory: ClientInventory(clock: clock),
                clock: clock,
                logger: logger
            )
        }

        func serve(_ registrations: [Registration], manifest: String = Samples.goodManifest) {
            store.folderChanged(.files([ManifestFile(name: "a.yaml", text: manifest)]))
            store.rebuild(registrations)
        }
    }

    private static let assignment = "outbound|9080||reviews.default.svc.cluster.local"
    private let clock = ManualClock()

    private func request(
        _ kind: ResourceKind,
        _ names: [String] = [],
        version: String = ""
    ) -> Envoy_Service_Discovery_V3_DiscoveryRequest {
        var request = Envoy_Service_Discovery_V3_DiscoveryRequest()
        request.node.id = "productpage"
        request.typeURL = kind.typeURL
        request.resourceNames = names
        request.versionInfo = version
        return request
    }

    /// Opens a stream that asks for clusters and for the endpoints of reviews.
    private func open(
        _ process: Process,
        version: String = ""
    ) async throws -> (stream: DiscoveryStream, answers: [ADSServerStreamStateMachine.Response]) {
        var stream = DiscoveryStream(
            number: 1,
            form: .stateOfTheWorld,
            provider: process.provider,
            groups: EncodedGroups()
        )
        var answers = try await stream.requestReceived(request(.cluster, version: version), at: clock.now)
        answers += try await stream.requestReceived(
            request(.endpointAssignment, [Self.assignment], version: version),
            at: clock.now
        )
        return (stream, answers)
    }

    @Test func `clients keep their endpoints until everybody has had the time to register again`() async throws {
        let first = Process(epoch: 1, clock: clock)
        first.serve([Samples.registration()])
        let (_, answers) = try await open(first)
        #expect(answers.map(\.kind) == [.cluster, .endpointAssignment])
        let version = try #require(answers.last).version

        let second = Process(epoch: 2, clock: clock)
        second.serve([])
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await second.provider.warmUp(for: .seconds(15)) }
            await clock.waitForSleepers()
            var (stream, held) = try await open(second, version: version)
            #expect(held.isEmpty)
            #expect(second.provider.isWarming)
            clock.advance(by: .seconds(14))
            #expect(await stream.resourcesChanged(at: clock.now).isEmpty)

            let changes = second.provider.changes()
            second.serve([Samples.registration()])
            clock.advance(by: .seconds(1))
            var ticks = changes.makeAsyncIterator()
            #expect(await ticks.next() != nil)
            #expect(!second.provider.isWarming)
            let after = await stream.resourcesChanged(at: clock.now)
            let endpoints = try #require(after.first { $0.kind == .endpointAssignment })
            #expect(endpoints.resources.count == 1)
            #expect(endpoints.version == "2.2")
            try await group.waitForAll()
        }
    }

    @Test func `a client that comes without a configuration is served at once`() async throws {
        let process = Process(epoch: 1, clock: clock)
        process.serve([Samples.registration()])
        #expect(process.provider.isWarming)
        let (_, answers) = try await open(process)
        #expect(answers.count == 2)
    }

    @Test func `while no manifests were good nobody is told anything`() async throws {
        let process = Process(epoch: 1, clock: clock)
        process.serve([Samples.registration()], manifest: Samples.badManifest)
        var (stream, answers) = try await open(process)
        #expect(answers.isEmpty)
        process.serve([Samples.registration()])
        answers = await stream.resourcesChanged(at: clock.now)
        #expect(answers.count == 2)
    }
}
