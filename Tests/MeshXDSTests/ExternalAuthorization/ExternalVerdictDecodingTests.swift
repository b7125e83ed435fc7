// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshSecurity
import SwiftProtobuf
import Testing

@testable import MeshXDS

@Suite("What an authorizer answers over gRPC")
struct ExternalVerdictDecodingTests {
    private typealias Answer = Envoy_Service_Auth_V3_CheckResponse
    private typealias Option = Envoy_Config_Core_V3_HeaderValueOption

    private func option(_ value: String, append: Bool?, _ action: Option.HeaderAppendAction) -> Option {
        .with {
            $0.header.key = "x-a"
            $0.header.value = value
            if let append { $0.append.value = append }
            $0.appendAction = action
        }
    }

    @Test func `only append says that a field is kept, as in Envoy`() throws {
        let actions: [Option.HeaderAppendAction] = [
            .appendIfExistsOrAdd, .addIfAbsent, .overwriteIfExistsOrAdd, .overwriteIfExists,
        ]
        for (append, expected) in [(nil, .set), (false, .set), (true, .append)]
            as [(Bool?, ExternalVerdict.HeaderChange.Action)]
        {
            let answer = Answer.with {
                $0.okResponse.headers = actions.map { option("v", append: append, $0) }
            }
            let change = ExternalVerdict.HeaderChange("x-a", "v", expected)
            #expect(try ExternalVerdict(answer).changes == Array(repeating: change, count: actions.count))
        }
    }

    @Test func `what was noted in the older way counts where it is there`() throws {
        func fields(_ text: String) -> Google_Protobuf_Struct {
            .with { $0.fields = ["a": .with { $0.stringValue = text }] }
        }
        var answer = Answer.with {
            $0.okResponse = .init()
            $0.dynamicMetadata = fields("new")
        }
        #expect(try ExternalVerdict(answer).metadata == ["a": .text("new")])
        answer.okResponse.dynamicMetadata = fields("old")
        #expect(try ExternalVerdict(answer).metadata == ["a": .text("old")])
        answer.okResponse.dynamicMetadata = .init()
        #expect(try ExternalVerdict(answer).metadata == [:])
    }
}
