// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
public import MeshCore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

extension Bootstrap {
    /// Reads the bootstrap that the environment names.
    /// - Throws: `ConfigurationError` if neither variable is set, or with the field that is wrong.
    public static func fromEnvironment() throws(ConfigurationError) -> Bootstrap {
        let environment = ProcessInfo.processInfo.environment
        if let path = environment["GRPC_XDS_BOOTSTRAP"], !path.isEmpty { return try Bootstrap(path: path) }
        if let text = environment["GRPC_XDS_BOOTSTRAP_CONFIG"], !text.isEmpty {
            do {
                return try Bootstrap(json: text)
            } catch {
                throw error.prefixed(by: "GRPC_XDS_BOOTSTRAP_CONFIG")
            }
        }
        throw ConfigurationError(
            path: "",
            "neither GRPC_XDS_BOOTSTRAP nor GRPC_XDS_BOOTSTRAP_CONFIG is set; one of them says where the control plane is"
        )
    }

    /// Reads a bootstrap file.
    /// - Throws: `ConfigurationError` if it cannot be read, or with the field that is wrong.
    public init(path: String) throws(ConfigurationError) {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw ConfigurationError(path: path, "the file cannot be read")
        }
        do {
            try self.init(json: String(decoding: data, as: UTF8.self))
        } catch {
            throw error.prefixed(by: path)
        }
    }

    /// Reads a bootstrap.
    /// - Throws: `ConfigurationError` with the field that is wrong.
    public init(json: String) throws(ConfigurationError) {
        let file: BootstrapFile
        do {
            file = try JSONDecoder().decode(BootstrapFile.self, from: Data(json.utf8))
        } catch let error as DecodingError {
            throw error.configurationError
        } catch {
            throw ConfigurationError(path: "", "\(error)")
        }
        var problems = ProblemCollector()
        problems.require(!file.xds_servers.isEmpty, "xds_servers", "at least one server is needed")
        let servers = Self.servers(file.xds_servers, at: "xds_servers", &problems)
        var authorities: [String: Authority] = [:]
        for (name, authority) in (file.authorities ?? [:]).sorted(by: { $0.key < $1.key }) {
            authorities[name] = Authority(
                servers: Self.servers(authority.xds_servers ?? [], at: "authorities[\(name)].xds_servers", &problems),
                clientListenerResourceNameTemplate: authority.client_listener_resource_name_template
            )
        }
        try problems.throwIfAny()
        let node = file.node ?? BootstrapFile.Node()
        self.init(
            servers: servers,
            node: Node(
                id: node.id ?? "",
                cluster: node.cluster ?? "",
                locality: Locality(
                    region: node.locality?.region ?? "",
                    zone: node.locality?.zone ?? "",
                    subZone: node.locality?.sub_zone ?? ""
                ),
                metadata: node.metadata ?? [:]
            ),
            certificateProviders: file.certificate_providers ?? [:],
            serverListenerResourceNameTemplate: file.server_listener_resource_name_template
                ?? XDSNode.inboundListenerPrefix + "%s",
            clientDefaultListenerResourceNameTemplate: file.client_default_listener_resource_name_template ?? "%s",
            authorities: authorities
        )
        try validate()
    }

    /// Reads a list of servers; those that make no sense are problems.
    private static func servers(
        _ files: [BootstrapFile.Server],
        at path: String,
        _ problems: inout ProblemCollector
    ) -> [Server] {
        var servers: [Server] = []
        for (position, server) in files.enumerated() {
            let path = "\(path)[\(position)]"
            problems.require(!server.server_uri.isEmpty, path + ".server_uri", "is empty")
            let kinds = server.channel_creds.map(\.type)
            guard let credentials = kinds.lazy.compactMap({ Server.Credentials(rawValue: $0) }).first else {
                problems.note(
                    path + ".channel_creds",
                    "none of the kinds \(kinds) is supported; insecure and tls are"
                )
                continue
            }
            guard let bytes = server.max_xds_message_size else {
                servers.append(
                    Server(uri: server.server_uri, credentials: credentials, features: server.server_features ?? [])
                )
                continue
            }
            guard Server.messageBytes.contains(bytes) else {
                problems.note(
                    path + ".max_xds_message_size",
                    "must be from \(Server.messageBytes.lowerBound) to \(Server.messageBytes.upperBound), is \(bytes)"
                )
                continue
            }
            servers.append(
                Server(
                    uri: server.server_uri,
                    credentials: credentials,
                    features: server.server_features ?? [],
                    maximumMessageBytes: bytes
                )
            )
        }
        return servers
    }
}

/// The file's own names, which are gRPC's.
private struct BootstrapFile: Decodable {
    // swift-format-ignore: AlwaysUseLowerCamelCase
    struct Server: Decodable {
        struct Credentials: Decodable {
            var type: String
        }

        var server_uri: String
        var channel_creds: [Credentials]
        var server_features: [String]?
        var max_xds_message_size: Int?
    }

    // swift-format-ignore: AlwaysUseLowerCamelCase
    struct Authority: Decodable {
        var xds_servers: [Server]?
        var client_listener_resource_name_template: String?
    }

    struct Node: Decodable {
        // swift-format-ignore: AlwaysUseLowerCamelCase
        struct Locality: Decodable {
            var region: String?
            var zone: String?
            var sub_zone: String?
        }

        var id: String?
        var cluster: String?
        var locality: Locality?
        var metadata: [String: MetadataValue]?
    }

    // swift-format-ignore: AlwaysUseLowerCamelCase
    var xds_servers: [Server]
    var node: Node?
    // swift-format-ignore: AlwaysUseLowerCamelCase
    var certificate_providers: [String: MetadataValue]?
    // swift-format-ignore: AlwaysUseLowerCamelCase
    var server_listener_resource_name_template: String?
    // swift-format-ignore: AlwaysUseLowerCamelCase
    var client_default_listener_resource_name_template: String?
    var authorities: [String: Authority]?
}

extension DecodingError {
    /// The field and what is wrong with it.
    fileprivate var configurationError: ConfigurationError {
        let (context, message): (Context, String) =
            switch self {
            case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
                (context, context.debugDescription)
            case .keyNotFound(let key, let context): (context, "the field \(key.stringValue) is missing")
            @unknown default: (Context(codingPath: [], debugDescription: ""), "\(self)")
            }
        let path = context.codingPath.reduce(into: "") { path, key in
            if let index = key.intValue {
                path += "[\(index)]"
            } else {
                path += (path.isEmpty ? "" : ".") + key.stringValue
            }
        }
        return ConfigurationError(path: path, message)
    }
}
