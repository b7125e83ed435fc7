// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Logging
import MeshConfig
import MeshManifests
import Testing

@testable import MeshControlPlane

@Suite struct ConfigurationStoreTests {
    private let store = ConfigurationStore(
        configuration: Samples.configuration(),
        epoch: 1_700_000_000,
        logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    )

    private func offer(_ text: String) {
        store.folderChanged(.files([ManifestFile(name: "a.yaml", text: text)]))
        store.rebuild([Samples.registration()])
    }

    @Test func `each world has a version of its own, greater than those of earlier processes`() throws {
        #expect(store.world == nil)
        offer(Samples.goodManifest)
        let first = try #require(store.world)
        #expect(first.version == "1700000000.1")
        store.rebuild([])
        #expect(try #require(store.world).version == "1700000000.2")
        #expect(store.order(of: "1700000000.2") == 2 && store.order(of: "1700000000.1") == 1)
        for version in ["1700000000.3", "1700000000.0", "1.1", "", "1700000000.x"] {
            #expect(store.order(of: version) == nil)
        }
    }

    @Test func `a mistake is served as a diagnostic with its place, and the last good world stays`() throws {
        offer(Samples.goodManifest)
        offer(Samples.badManifest)
        let answer = store.diagnostics
        #expect(!answer.isCurrent)
        let error = try #require(answer.diagnostics.first { $0.severity == "error" })
        #expect(error.file == "a.yaml")
        #expect((error.line, error.column) == (12, 17))
        #expect(error.code == "MM0302")
        let cluster = "outbound|9080|v1|reviews.default.svc.cluster.local"
        #expect(try #require(store.world).resources(for: Node()).clusters[cluster] != nil)
        offer(Samples.goodManifest)
        #expect(store.diagnostics.isCurrent)
        #expect(store.manifestGeneration == 2)
    }

    @Test func `a folder that cannot be read is told until it can`() throws {
        offer(Samples.goodManifest)
        #expect(store.diagnostics.isCurrent)
        store.folderChanged(.problem(FolderProblem("gone")))
        #expect(store.diagnostics.folder == "gone")
        #expect(!store.diagnostics.isCurrent)
        store.rebuild([])
        #expect(store.world != nil)
        store.folderChanged(.problem(nil))
        #expect(store.diagnostics.isCurrent)
    }

    @Test func `files that arrive while a world is made are for the next one`() {
        store.folderChanged(.files([ManifestFile(name: "a.yaml", text: Samples.badManifest)]))
        store.folderChanged(.files([ManifestFile(name: "a.yaml", text: Samples.goodManifest)]))
        store.rebuild([])
        #expect(store.manifestGeneration == 1)
        #expect(store.diagnostics.isCurrent)
    }
}
