// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import MeshCore

extension Registration: Decodable {
    private enum Key: String, CodingKey {
        case id, service, namespace, address, port, servicePort, labels, version, serviceAccount, state
        case locality, weight
        case protocolName = "protocol"
        case speaksMutualTLS = "mutualTLS"
    }

    /// Reads the body of a registration. `version` is short for the label of that name, as Istio's telemetry reads it.
    init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: Key.self)
        self.id = try fields.decode(String.self, forKey: .id)
        self.service = try fields.decode(String.self, forKey: .service)
        self.namespace = try fields.decodeIfPresent(String.self, forKey: .namespace) ?? "default"
        self.address = try fields.decode(String.self, forKey: .address)
        self.port = try Self.number(.port, in: fields)
        self.servicePort = fields.contains(.servicePort) ? try Self.number(.servicePort, in: fields) : port
        self.labels = try fields.decodeIfPresent([String: String].self, forKey: .labels) ?? [:]
        self.serviceAccount = try fields.decodeIfPresent(String.self, forKey: .serviceAccount) ?? "default"
        self.protocolName = try fields.decodeIfPresent(String.self, forKey: .protocolName) ?? "http"
        self.speaksMutualTLS = try fields.decodeIfPresent(Bool.self, forKey: .speaksMutualTLS) ?? false
        self.state = try fields.decodeIfPresent(State.self, forKey: .state) ?? .serving
        self.locality = try fields.decodeIfPresent(String.self, forKey: .locality) ?? ""
        self.weight = fields.contains(.weight) ? try Self.number(.weight, in: fields) : 1
        if let version = try fields.decodeIfPresent(String.self, forKey: .version) {
            guard labels["version", default: version] == version else {
                throw DecodingError.dataCorruptedError(
                    forKey: .version,
                    in: fields,
                    debugDescription: "the label of that name says something else"
                )
            }
            labels["version"] = version
        }
    }

    /// A number. Foundation does not say which field has one that does not fit, so it is read as any number first.
    private static func number<Number: FixedWidthInteger>(
        _ key: Key,
        in fields: KeyedDecodingContainer<Key>
    ) throws -> Number {
        guard let number = Number(exactly: try fields.decode(Double.self, forKey: key)) else {
            throw DecodingError.dataCorruptedError(
                forKey: key,
                in: fields,
                debugDescription: "must be a whole number from 1 to \(Number.max)"
            )
        }
        return number
    }

    /// Reads and checks the body of a registration.
    /// - Throws: `ConfigurationError` with the path of each field that is wrong; an empty path for what is no JSON.
    static func read(_ body: Data) throws(ConfigurationError) -> Registration {
        let registration: Registration
        do {
            registration = try JSONDecoder().decode(Registration.self, from: body)
        } catch let error as DecodingError {
            throw ConfigurationError(decoding: error)
        } catch {
            throw ConfigurationError(path: "", "not JSON")
        }
        try registration.validate()
        return registration
    }
}

extension Registration: Encodable {
    func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: Key.self)
        try fields.encode(id, forKey: .id)
        try fields.encode(service, forKey: .service)
        try fields.encode(namespace, forKey: .namespace)
        try fields.encode(address, forKey: .address)
        try fields.encode(port, forKey: .port)
        try fields.encode(servicePort, forKey: .servicePort)
        try fields.encode(labels, forKey: .labels)
        try fields.encode(serviceAccount, forKey: .serviceAccount)
        try fields.encode(protocolName, forKey: .protocolName)
        try fields.encode(speaksMutualTLS, forKey: .speaksMutualTLS)
        try fields.encode(state, forKey: .state)
        try fields.encode(locality, forKey: .locality)
        try fields.encode(weight, forKey: .weight)
    }
}

extension ConfigurationError {
    /// The field that a decoder stumbled over, as a path, with what it wanted.
    init(decoding error: DecodingError) {
        switch error {
        case .keyNotFound(let key, let context):
            self.init(path: Self.path(context.codingPath + [key]), "is missing")
        case .typeMismatch(let type, let context):
            self.init(path: Self.path(context.codingPath), "is not a \(Self.name(of: type))")
        case .valueNotFound(let type, let context):
            self.init(path: Self.path(context.codingPath), "is null, not a \(Self.name(of: type))")
        case .dataCorrupted(let context):
            // At the top it is the text that is no JSON; the parser's own words quote the input, and are left out.
            let isDocument = context.codingPath.isEmpty
            self.init(
                path: Self.path(context.codingPath),
                isDocument ? "not JSON" : String(context.debugDescription.prefix(200))
            )
        @unknown default:
            self.init(path: "", "cannot be read")
        }
    }

    private static func path(_ keys: [any CodingKey]) -> String {
        keys.reduce(into: "") { path, key in
            if let index = key.intValue {
                path += "[\(index)]"
            } else {
                path += (path.isEmpty ? "" : ".") + String(key.stringValue.prefix(64))
            }
        }
    }

    private static func name(of type: any Any.Type) -> String {
        switch type {
        case is String.Type: "string"
        case is Bool.Type: "boolean"
        case is Double.Type: "number"
        default: "JSON object"
        }
    }
}
