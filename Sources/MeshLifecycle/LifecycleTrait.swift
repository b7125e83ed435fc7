// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

#if !Lifecycle
#error("MeshLifecycle needs the package trait \"Lifecycle\": add it to the `traits:` of the package dependency")
#endif
