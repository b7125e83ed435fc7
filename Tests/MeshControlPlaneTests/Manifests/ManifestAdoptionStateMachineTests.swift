// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshManifests
import Testing

@testable import MeshControlPlane

@Suite struct ManifestAdoptionStateMachineTests {
    private let compiler = ManifestCompiler()
    private let workloads = [Workload(Samples.registration())]

    private func reading(_ text: String) -> ManifestReading {
        ManifestReader().read([ManifestFile(name: "a.yaml", text: text)])
    }

    @Test func `good manifests come into force`() {
        var machine = ManifestAdoptionStateMachine()
        machine.read(reading(Samples.goodManifest))
        #expect(machine.compile(workloads, by: compiler) != nil)
        #expect(machine.isCurrent)
        #expect(machine.generation == 1)
        #expect(!machine.diagnostics.hasErrors)
    }

    @Test func `an empty folder is good`() {
        var machine = ManifestAdoptionStateMachine()
        machine.read(ManifestReader().read([]))
        #expect(machine.compile([], by: compiler) != nil)
        #expect(machine.isCurrent)
    }

    @Test(arguments: [Samples.badManifest, Samples.brokenManifest])
    func `with an error the last good manifests stay in force`(_ text: String) throws {
        var machine = ManifestAdoptionStateMachine()
        machine.read(reading(Samples.goodManifest))
        let good = machine.compile(workloads, by: compiler)
        machine.read(reading(text))
        let kept = machine.compile(workloads, by: compiler)
        #expect(good != nil)
        #expect(kept?.resources(for: Node()) == good?.resources(for: Node()))
        #expect(!machine.isCurrent)
        #expect(machine.generation == 1)
        let error = try #require(machine.diagnostics.first { $0.severity == .error })
        #expect(error.file == "a.yaml")
        #expect(error.line > 0)
        #expect(error.column > 0)
        machine.read(reading(Samples.goodManifest))
        #expect(machine.compile(workloads, by: compiler) != nil)
        #expect(machine.isCurrent)
        #expect(machine.generation == 2)
        #expect(!machine.diagnostics.hasErrors)
    }

    @Test func `without any good manifests nothing is served, however the workloads change`() {
        var machine = ManifestAdoptionStateMachine()
        #expect(machine.compile(workloads, by: compiler) == nil)
        machine.read(reading(Samples.badManifest))
        #expect(machine.compile([], by: compiler) == nil)
        #expect(machine.compile(workloads, by: compiler) == nil)
        #expect(machine.diagnostics.hasErrors)
        #expect(machine.generation == 0)
    }
}
