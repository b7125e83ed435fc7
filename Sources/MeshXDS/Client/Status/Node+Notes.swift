// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import SwiftProtobuf

extension Envoy_Config_Core_V3_Node {
    /// What the API of the status has no field for, as a part of the node's metadata under a name of ours.
    enum Note: String {
        /// The fields that have no effect in the client.
        case ignoredFields = "swift_service_mesh.ignored_fields"
        /// Where its configuration comes from: `control_plane`, `last_known_good` or `nowhere`.
        case origin = "swift_service_mesh.configuration_origin"
        /// What it is told otherwise than it was meant, or not at all.
        case translations = "swift_service_mesh.translations"
        /// The version that it is served.
        case servedVersion = "swift_service_mesh.served_version"
        /// The version that it has taken all of.
        case appliedVersion = "swift_service_mesh.applied_version"
    }

    /// Notes a text.
    mutating func note(_ note: Note, _ text: String) {
        metadata.fields[note.rawValue] = Google_Protobuf_Value(stringValue: text)
    }

    /// Notes texts, if there are any.
    mutating func note(_ note: Note, _ texts: [String]) {
        guard !texts.isEmpty else { return }
        let list = Google_Protobuf_ListValue.with { $0.values = texts.map { Google_Protobuf_Value(stringValue: $0) } }
        metadata.fields[note.rawValue] = Google_Protobuf_Value(listValue: list)
    }
}
