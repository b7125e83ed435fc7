// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting
import SwiftProtobuf

extension PathTemplate {
    /// Decodes the extension that matches templates, the only one there is.
    /// - Returns: `nil`, with a problem, if it is another one or the template is bad.
    init?(
        _ message: Envoy_Config_Core_V3_TypedExtensionConfig,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        typealias Template = Envoy_Extensions_Path_Match_UriTemplate_V3_UriTemplateMatchConfig
        let path = path["typed_config"]
        guard let config = context.unpack(extension: message.typedConfig, as: Template.self, at: path) else {
            return nil
        }
        let field = path["path_template"]
        guard !config.pathTemplate.isEmpty, config.pathTemplate.unicodeScalars.count <= 256 else {
            context.reject(field, "must have 1 to 256 characters")
            return nil
        }
        guard
            let template = context.attempt(
                field,
                { () throws(ConfigurationError) in try PathTemplate(config.pathTemplate) }
            )
        else { return nil }
        self = template
    }
}

extension PathTemplateRewrite {
    /// Decodes the extension that rewrites by templates, the only one there is.
    /// - Returns: `nil`, with a problem, if it is another one or the rewrite is bad.
    init?(
        _ message: Envoy_Config_Core_V3_TypedExtensionConfig,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        typealias Rewrite = Envoy_Extensions_Path_Rewrite_UriTemplate_V3_UriTemplateRewriteConfig
        let path = path["typed_config"]
        guard let config = context.unpack(extension: message.typedConfig, as: Rewrite.self, at: path) else {
            return nil
        }
        let field = path["path_template_rewrite"]
        guard !config.pathTemplateRewrite.isEmpty, config.pathTemplateRewrite.unicodeScalars.count <= 256 else {
            context.reject(field, "must have 1 to 256 characters")
            return nil
        }
        guard
            let rewrite = context.attempt(
                field,
                { () throws(ConfigurationError) in try PathTemplateRewrite(config.pathTemplateRewrite) }
            )
        else { return nil }
        self = rewrite
    }
}

extension DecodingContext {
    /// Unpacks an extension of the one type that is known in its place.
    /// - Returns: `nil`, with a problem that names the type, if it has another one.
    mutating func unpack<M: Message>(
        extension any: Google_Protobuf_Any,
        as type: M.Type,
        at path: FieldPath
    ) -> M? {
        let name = typeName(ofTypeURL: any.typeURL)
        guard name == M.protoMessageName else {
            reject(path, name.isEmpty ? "is missing" : "the extension \(name) is not supported")
            return nil
        }
        return unpack(any, as: type, at: path)
    }
}

extension Envoy_Config_Core_V3_TypedExtensionConfig {
    /// Encodes a template.
    init(_ template: PathTemplate) throws {
        self.init()
        name = "envoy.path.match.uri_template.uri_template_matcher"
        var message = Envoy_Extensions_Path_Match_UriTemplate_V3_UriTemplateMatchConfig()
        message.pathTemplate = template.text
        typedConfig = try Google_Protobuf_Any(packing: message)
    }

    /// Encodes a rewrite by a template.
    init(_ rewrite: PathTemplateRewrite) throws {
        self.init()
        name = "envoy.path.rewrite.uri_template.uri_template_rewriter"
        var message = Envoy_Extensions_Path_Rewrite_UriTemplate_V3_UriTemplateRewriteConfig()
        message.pathTemplateRewrite = rewrite.text
        typedConfig = try Google_Protobuf_Any(packing: message)
    }
}
