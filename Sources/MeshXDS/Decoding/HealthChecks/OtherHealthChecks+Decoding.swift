// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshCore
import SwiftProtobuf

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

extension HealthCheck.GRPC {
    private static let read = ReadFields(
        Envoy_Config_Core_V3_HealthCheck.GrpcHealthCheck.self,
        "service_name",
        "authority",
        "initial_metadata"
    )

    /// Decodes a call.
    /// - Returns: `nil`, with a problem, if it is bad.
    init?(
        _ message: Envoy_Config_Core_V3_HealthCheck.GrpcHealthCheck,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        context.ignoreOthers(in: message, at: path, read: Self.read)
        let metadata = context.fields(message.initialMetadata, at: path, "initial_metadata")
        let hasAuthority = context.requireFieldValue(message.authority, at: path["authority"])
        guard hasAuthority, let metadata else { return nil }
        self.init(serviceName: message.serviceName, authority: message.authority, metadata: metadata)
    }
}

extension Envoy_Config_Core_V3_HealthCheck.GrpcHealthCheck {
    init(_ check: HealthCheck.GRPC) {
        self.init()
        serviceName = check.serviceName
        authority = check.authority
        initialMetadata = check.metadata.map { Envoy_Config_Core_V3_HeaderValueOption($0) }
    }
}

extension HealthCheck.TCP {
    private static let read = ReadFields(
        Envoy_Config_Core_V3_HealthCheck.TcpHealthCheck.self,
        "send",
        "receive"
    )

    /// Decodes bytes and answers.
    /// - Returns: `nil`, with a problem, if they are bad.
    init?(
        _ message: Envoy_Config_Core_V3_HealthCheck.TcpHealthCheck,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        context.ignoreOthers(in: message, at: path, read: Self.read)
        let receive = context.list(message.receive, at: path, "receive") { $0.bytes(at: $1, &$2) }
        var send: [UInt8]? = []
        if message.hasSend { send = message.send.bytes(at: path["send"], &context) }
        guard let send, let receive else { return nil }
        self.init(send: send, receive: receive)
    }
}

extension Envoy_Config_Core_V3_HealthCheck.TcpHealthCheck {
    init(_ check: HealthCheck.TCP) {
        self.init()
        if !check.send.isEmpty { send.text = Self.hexadecimal(check.send) }
        receive = check.receive.map { part in .with { $0.text = Self.hexadecimal(part) } }
    }

    private static func hexadecimal(_ bytes: [UInt8]) -> String {
        bytes.reduce(into: "") { text, byte in
            if byte < 16 { text += "0" }
            text += String(byte, radix: 16)
        }
    }
}

extension Envoy_Config_Core_V3_HealthCheck.Payload {
    /// The bytes.
    /// - Returns: `nil`, with a problem, if there are none.
    fileprivate func bytes(at path: FieldPath, _ context: inout DecodingContext) -> [UInt8]? {
        switch payload {
        case .text(let text):
            let digits = text.utf8.map { UInt8(String(UnicodeScalar($0)), radix: 16) }
            guard !digits.isEmpty, digits.count.isMultiple(of: 2), !digits.contains(nil) else {
                context.reject(path["text"], "must be pairs of hexadecimal digits")
                return nil
            }
            return stride(from: 0, to: digits.count, by: 2).map { (digits[$0] ?? 0) << 4 | (digits[$0 + 1] ?? 0) }
        case .binary(let data):
            guard !data.isEmpty else {
                context.reject(path["binary"], "is empty")
                return nil
            }
            return [UInt8](data)
        case nil:
            context.reject(path, "is missing")
            return nil
        }
    }
}
