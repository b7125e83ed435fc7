// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import SwiftProtobuf

extension LocalReply {
    private static let readHeader = ReadFields(
        Envoy_Config_Core_V3_HeaderValueOption.self,
        "header",
        "append",
        "append_action",
        "keep_empty_value"
    )

    /// Decodes a direct response with the header fields that its route adds.
    init?(
        _ message: Envoy_Config_Route_V3_DirectResponseAction,
        headers: [Envoy_Config_Core_V3_HeaderValueOption],
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        guard (200...599).contains(message.status) else {
            context.reject(path["direct_response"]["status"], "must be from 200 to 599, is \(message.status)")
            return nil
        }
        self.init(status: Int(message.status))
        switch message.body.specifier {
        case .inlineString(let text): body = text
        case .inlineBytes(let bytes): body = String(decoding: bytes, as: UTF8.self)
        case .filename: context.ignore(path["direct_response"]["body"]["filename"])
        case .environmentVariable: context.ignore(path["direct_response"]["body"]["environment_variable"])
        case nil: break
        }
        for (position, option) in headers.enumerated() {
            let path = path["response_headers_to_add", position]
            context.ignoreOthers(in: option, at: path, read: Self.readHeader)
            let name = HeaderName(option.header.key)
            guard name.isValid else {
                context.reject(path["header"]["key"], "\"\(option.header.key)\" is no header name")
                return nil
            }
            let raw = option.header.rawValue
            let text = raw.isEmpty ? option.header.value : String(decoding: raw, as: UTF8.self)
            guard let value = Self.unescaped(text) else {
                context.ignore(path["header"]["value"], "\"\(text)\" has a command, which is not supported")
                continue
            }
            if value.isEmpty, !option.keepEmptyValue { continue }
            self.headers.append(Header(name, value))
        }
    }

    /// The text of a format string: `%%` stands for a percent sign, anything else between such signs is a command.
    private static func unescaped(_ text: String) -> String? {
        guard text.utf8.contains(UInt8(ascii: "%")) else { return text }
        var result = ""
        var isEscaped = false
        for character in text.unicodeScalars {
            if isEscaped {
                guard character == "%" else { return nil }
                isEscaped = false
                result.unicodeScalars.append("%")
            } else if character == "%" {
                isEscaped = true
            } else {
                result.unicodeScalars.append(character)
            }
        }
        return isEscaped ? nil : result
    }
}
