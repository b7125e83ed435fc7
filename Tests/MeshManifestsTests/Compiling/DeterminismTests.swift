// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshManifests
import Testing

@Suite("Determinism")
struct DeterminismTests {
    @Test("the order of files and workloads changes nothing")
    func order() throws {
        let files = try Fixture.articles()
        let nodes = ["productpage", "details", "reviews", "ratings"].map { Bookinfo.node($0) } + [Node()]
        var random = MeshRandom(seed: 7)
        let expected = nodes.map { Compilation(files, for: $0) }
        for _ in 0..<20 {
            let shuffled = files.shuffled(using: &random)
            let workloads = Bookinfo.workloads.shuffled(using: &random)
            for (node, compilation) in zip(nodes, expected) {
                let other = Compilation(shuffled, workloads: workloads, for: node)
                #expect(other.resources == compilation.resources)
                #expect(other.diagnostics == compilation.diagnostics)
            }
        }
    }

    @Test("what is to be said does not depend on the client")
    func diagnostics() throws {
        let objects = ManifestReader.read(try Fixture.articles()).objects
        let prepared = ManifestCompiler(trustDomain: "mesh.test").prepare(objects, workloads: Bookinfo.workloads)
        for service in ["productpage", "ratings"] {
            let node = Bookinfo.node(service)
            let compiled = ManifestCompiler(trustDomain: "mesh.test")
                .compile(objects, workloads: Bookinfo.workloads, for: node)
            #expect(compiled.diagnostics == prepared.diagnostics)
            #expect(compiled.resources == prepared.resources(for: node))
        }
    }
}
