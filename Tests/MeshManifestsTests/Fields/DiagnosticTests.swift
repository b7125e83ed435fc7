// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshManifests
import Testing

@Suite("Diagnostics")
struct DiagnosticTests {
    @Test("are printed as compilers print them")
    func description() {
        let reading = ManifestReading.of(
            """
            apiVersion: networking.istio.io/v1
            kind: VirtualService
            metadata: {name: reviews}
            spec:
              host: [reviews]
            """
        )
        #expect(
            reading.diagnostics.map(\.description) == [
                "mesh.yaml:5:3: error: hosts is missing [MM0201]",
                "mesh.yaml:5:3: error: spec has no field host; did you mean hosts? [MM0204]",
            ]
        )
        #expect(reading.diagnostics.hasErrors)
    }

    @Test("about no particular line are printed without one")
    func withoutLine() {
        let diagnostic = Diagnostic(.warning, .unusableWorkload, file: "registration of a", message: "no")
        #expect(diagnostic.description == "registration of a: warning: no [MM0309]")
        #expect(![diagnostic].hasErrors)
    }

    @Test("come in the order of the files, whatever order they were read in")
    func order() {
        let bad = "kind: 1\n"
        let files = ["c", "a", "b"].map { ManifestFile(name: $0, text: bad) }
        let reading = ManifestReader.read(files)
        #expect(reading.diagnostics.map(\.file) == ["a", "a", "b", "b", "c", "c"])
        #expect(reading.diagnostics == ManifestReader.read(files.reversed()).diagnostics)
    }
}
