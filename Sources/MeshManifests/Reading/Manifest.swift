// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// One manifest: what it is and where it stands. What it means is for the compiler.
public struct Manifest: Sendable {
    /// The version of its kind (`networking.istio.io/v1`).
    public let apiVersion: String
    /// Its kind (`VirtualService`).
    public let kind: String
    /// Its namespace; `default` if it names none.
    public let namespace: String
    /// Its name, which is its own among the manifests of its kind and namespace.
    public let name: String
    /// Where it begins.
    public let position: SourcePosition

    let content: any ManifestKind
}

/// What a set of files says, and what is wrong with it.
public struct ManifestReading: Sendable {
    /// The manifests that could be read, in the order of the files' names and then as they stand.
    public let objects: [Manifest]
    /// What is to be said about the files, in their order.
    public let diagnostics: [Diagnostic]
}
