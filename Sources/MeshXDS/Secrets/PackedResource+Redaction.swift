// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import SwiftProtobuf

extension PackedResource {
    private typealias SecretMessage = Envoy_Extensions_TransportSockets_Tls_V3_Secret

    /// The resource as people may see it: what is private in it is replaced by `[redacted]`, as Envoy does, and keys that
    /// stand in places where they have no effect are overwritten.
    ///
    /// Of a secret only what is known to be public is left. Bytes that are no secret, though they should be, are left out.
    func redacted(_ kind: ResourceKind) -> PackedResource? {
        switch kind {
        case .secret: redactedSecret
        case .cluster, .listener: PackedResource(typeURL: typeURL, bytes: PrivateKeyBlocks.masked(bytes))
        // They have no place for keys, and are many.
        case .routeConfiguration, .endpointAssignment, .runtimeLayer: self
        }
    }

    private var redactedSecret: PackedResource? {
        var bytes = bytes
        if typeName == Envoy_Service_Discovery_V3_Resource.protoMessageName {
            guard let wrapper = try? Envoy_Service_Discovery_V3_Resource(serializedBytes: bytes) else { return nil }
            bytes = wrapper.resource.bytes
        }
        guard let message = try? SecretMessage(serializedBytes: bytes) else { return nil }
        var shown = SecretMessage()
        shown.name = message.name
        switch message.type {
        case .tlsCertificate(let certificate):
            shown.tlsCertificate.certificateChain = certificate.certificateChain.withoutKeys
            shown.tlsCertificate.privateKey.inlineString = SecretText.redaction
            if certificate.hasPassword { shown.tlsCertificate.password.inlineString = SecretText.redaction }
            if certificate.hasPkcs12 { shown.tlsCertificate.pkcs12.inlineString = SecretText.redaction }
        case .validationContext(let validation):
            shown.validationContext.trustedCa = validation.trustedCa.withoutKeys
            shown.validationContext.matchTypedSubjectAltNames = validation.matchTypedSubjectAltNames
            shown.validationContext.matchSubjectAltNames = validation.matchSubjectAltNames
        case nil: break
        }
        return (try? Google_Protobuf_Any(packing: shown)).map { PackedResource($0) }
    }
}

extension Envoy_Config_Core_V3_DataSource {
    /// Certificates as they are; anything else is hidden.
    fileprivate var withoutKeys: Self {
        var shown = Self()
        switch specifier {
        case .inlineString(let text) where !PrivateKeyBlocks.isFound(in: text.utf8): shown.inlineString = text
        case .inlineBytes(let bytes) where !PrivateKeyBlocks.isFound(in: bytes): shown.inlineBytes = bytes
        case .inlineString, .inlineBytes: shown.inlineString = SecretText.redaction
        case .filename(let name): shown.filename = name
        case .environmentVariable(let name): shown.environmentVariable = name
        case nil: break
        }
        return shown
    }
}
