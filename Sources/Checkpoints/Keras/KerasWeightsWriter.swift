import AviaryArchives
import AviaryHDF5
import AviaryHDF5Writing

/// Writes Keras 3's `.weights.h5`.
public enum KerasWeightsWriter {
  /// A layer's arrays in Keras's layouts and order.
  public struct Layer: Sendable {
    /// Class and number, after those of the enclosing models: `dense_1`, `sequential/dense`.
    public let place: String
    /// The name of the layer.
    public let name: String
    /// Arrays by subgroup: "" for the layer's own group, `cell`, `forward_layer/cell` …
    public let groups: [(path: String, arrays: [StoredArray])]
    /// Arrays that are stored by a path below the layer's group.
    public var named: [(path: String, array: StoredArray)] = []

    /// A layer with its groups of arrays.
    public init(place: String, name: String, groups: [(path: String, arrays: [StoredArray])]) {
      self.place = place
      self.name = name
      self.groups = groups
    }
  }

  /// Writes the layers as `layers/<place>/<group>/vars/<number>`, durably.
  public static func write(_ layers: [Layer], to path: String) throws(CheckpointFault) {
    var items = [
      HDF5Item(path: "layers"), HDF5Item(path: "vars", attributes: [HDF5Attribute("name", .text("sequential"))]),
    ]
    for layer in layers {
      // The model that a TimeDistributed wraps is its `layer`.
      let base = layer.place.split(separator: "/").map { $0 == "layer" ? "layer" : "layers/" + $0 }
        .joined(separator: "/")
      // Layers without weights have groups, too.
      items.append(HDF5Item(path: base + "/vars", attributes: [HDF5Attribute("name", .text(layer.name))]))
      for (place, array) in layer.named {
        let tensor = base + "/" + place
        guard let type = array.dtype.hdf5 else {
          throw .unwritableType(path: path, tensor: tensor, dtype: array.dtype)
        }
        items.append(HDF5Item(path: tensor, content: .dataset(type: type, shape: array.shape, bytes: array.bytes)))
      }
      for (group, arrays) in layer.groups {
        let vars = base + (group.isEmpty ? "" : "/" + group) + "/vars"
        for (index, given) in arrays.enumerated() {
          let tensor = "\(vars)/\(index)"
          // HDF5 has no bfloat16, and Keras stores it in its own way; Float32 holds the same values.
          let array = given.dtype == .bfloat16 ? given.cast(to: .float32) : given
          guard let type = array.dtype.hdf5 else {
            throw .unwritableType(path: path, tensor: tensor, dtype: array.dtype)
          }
          items.append(
            HDF5Item(path: tensor, content: .dataset(type: type, shape: array.shape, bytes: array.bytes)))
        }
      }
    }
    try hdf5 { () throws(HDF5Fault) in try HDF5Writer.write(items, to: path) }
  }
}
