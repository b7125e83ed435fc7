// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

#if !Hummingbird
#error("MeshHummingbird needs the package trait \"Hummingbird\": add it to the `traits:` of the package dependency")
#endif
