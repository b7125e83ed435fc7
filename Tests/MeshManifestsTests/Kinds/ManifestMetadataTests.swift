// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshManifests
import Testing

@Suite("What every manifest has")
struct ManifestMetadataTests {
    @Test(
        "is checked",
        arguments: [
            Mistake("no kind", "apiVersion: v1", "1:1 MM0201"),
            Mistake("no version", "kind: Service", "1:1 MM0201"),
            Mistake("a version that is a number", "apiVersion: 1\nkind: Service", "1:13 MM0205"),
            Mistake("an unknown kind", "apiVersion: v1\nkind: Servce\nspec: {a: b}", "2:7 MM0202"),
            Mistake("a known kind of another group", "apiVersion: serving.knative.dev/v1\nkind: Service", "2:7 MM0202"),
            Mistake(
                "an unknown version of a known group",
                "apiVersion: networking.istio.io/v2\nkind: VirtualService",
                "1:13 MM0203"
            ),
            Mistake("no metadata", "apiVersion: v1\nkind: Service\nspec: {}", "1:1 MM0201"),
            Mistake("no name", "apiVersion: v1\nkind: Service\nmetadata: {}\nspec: {}", "3:11 MM0201"),
            Mistake("a bad name", "apiVersion: v1\nkind: Service\nmetadata: {name: A_b}\nspec: {}", "3:18 MM0206"),
            Mistake(
                "a bad namespace",
                "apiVersion: v1\nkind: Service\nmetadata: {name: a, namespace: b.c}\nspec: {}",
                "3:32 MM0206"
            ),
            Mistake(
                "a label that is a number",
                "apiVersion: v1\nkind: Service\nmetadata: {name: a, labels: {version: 1}}\nspec: {}",
                "3:39 MM0205"
            ),
            Mistake(
                "a mistyped field",
                "apiVersion: v1\nkind: Service\nmetadata: {name: a, nmaespace: b}\nspec: {}",
                "3:21 MM0204"
            ),
            Mistake(
                "what only the API server writes",
                """
                apiVersion: v1
                kind: Service
                metadata: {name: a, uid: x, resourceVersion: "1", generation: 3, creationTimestamp: 2026-01-01T00:00:00Z}
                spec: {}
                status: {loadBalancer: {}}
                """
            ),
        ]
    )
    func mistakes(mistake: Mistake) {
        #expect(ManifestReading.of(mistake.text).places == mistake.expected)
    }

    @Test("an unknown kind is skipped with a suggestion, and stops nothing")
    func unknownKind() {
        let reading = ManifestReading.of("apiVersion: networking.istio.io/v1\nkind: VirtualServce\n")
        #expect(
            reading.diagnostics.map(\.description) == [
                "mesh.yaml:2:7: warning: the kind VirtualServce of networking.istio.io/v1 is not known and is skipped; "
                    + "did you mean VirtualService? [MM0202]"
            ]
        )
        #expect(!reading.diagnostics.hasErrors)
    }

    @Test("one name in two files is an error that names both places, whatever the versions")
    func duplicates() {
        let first = """
            apiVersion: networking.istio.io/v1
            kind: DestinationRule
            metadata: {name: reviews, namespace: default}
            spec: {host: reviews}
            """
        let second =
            "# moved\n" + first.replacing("io/v1", with: "io/v1beta1").replacing(", namespace: default", with: "")
        let other = first.replacing("namespace: default", with: "namespace: other")
        let reading = ManifestReader.read([
            ManifestFile(name: "b.yaml", text: second), ManifestFile(name: "a.yaml", text: first),
            ManifestFile(name: "c.yaml", text: other),
        ])
        #expect(
            reading.diagnostics.map(\.description) == [
                "b.yaml:2:1: error: DestinationRule default/reviews is defined at a.yaml:1:1 already [MM0213]"
            ]
        )
        #expect(reading.objects.map(\.position.file) == ["a.yaml", "c.yaml"])
    }
}
