// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// A kind of manifest: how one is read, and what it adds to the mesh.
///
/// To add a kind, write a type that conforms, in a file of its own in this folder, and name it in `ManifestKinds.all`.
/// Nothing else changes, as long as what it says can be said in the words of `ManifestModel`.
protocol ManifestKind: Sendable {
    /// Its name, as manifests have it (`VirtualService`).
    static var kind: String { get }
    /// The versions that are read (`networking.istio.io/v1`).
    static var apiVersions: [String] { get }
    /// What has replaced it, if something has.
    static var successor: String? { get }

    /// Reads a manifest; `apiVersion`, `kind`, `metadata` and `status` are read already.
    ///
    /// Everything that is wrong has been reported when this returns. A manifest of which a part could not be read is
    /// still there, so that what refers to it is not reported too; it is never put in force, since there is an error.
    /// - Returns: `nil` if nothing can be said about what the manifest means.
    init?(_ fields: inout FieldReader, metadata: ManifestMetadata)

    /// Adds what the manifest says.
    func contribute(to model: inout ManifestModel)
}

extension ManifestKind {
    static var successor: String? { nil }
}

/// The kinds that are read.
enum ManifestKinds {
    static let all: [any ManifestKind.Type] = [
        VirtualServiceManifest.self,
        DestinationRuleManifest.self,
        ServiceEntryManifest.self,
        AuthorizationPolicyManifest.self,
        PeerAuthenticationManifest.self,
        RequestAuthenticationManifest.self,
        ConfigMapManifest.self,
        ServiceManifest.self,
        DeploymentManifest.self,
        PodManifest.self,
        RouteRuleManifest.self,
        DestinationPolicyManifest.self,
        MixerDenierManifest.self,
        MixerCheckNothingManifest.self,
        MixerRuleManifest.self,
    ]

    /// What an `apiVersion` and a `kind` stand for.
    enum Lookup {
        case found(any ManifestKind.Type)
        /// The kind is known, but not in this version of its group.
        case otherVersion([String])
        case unknown
    }

    static func find(kind: String, apiVersion: String) -> Lookup {
        let named = all.filter { $0.kind == kind }
        if let found = named.first(where: { $0.apiVersions.contains(apiVersion) }) { return .found(found) }
        let group = group(of: apiVersion)
        let versions = named.flatMap { $0.apiVersions }.filter { Self.group(of: $0) == group }
        return versions.isEmpty ? .unknown : .otherVersion(versions)
    }

    static func group(of apiVersion: String) -> Substring {
        apiVersion.lastIndex(of: "/").map { apiVersion[..<$0] } ?? ""
    }
}
