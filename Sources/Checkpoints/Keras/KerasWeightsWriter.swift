import AviaryArchives
import AviaryHDF5
import AviaryHDF5Writing

/// Writing of Keras 3's `.weights.h5`.
public enum KerasWeightsWriter {
  /// A layer's arrays in Keras's layouts and order.
  public struct Layer: Sendable {
    /// Class and number, below those of the models that it lies in: `dense_1`, `sequential/dense`.
    public let place: String
    public let name: String
    /// Arrays by the group below the layer's that they lie in: "" for its own, `cell`, `forward_layer/cell` …
    public let groups: [(path: String, arrays: [StoredArray])]

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
      let base = "layers/" + layer.place.split(separator: "/").joined(separator: "/layers/")
      // Groups of layers without weights are there, too.
      items.append(HDF5Item(path: base + "/vars", attributes: [HDF5Attribute("name", .text(layer.name))]))
      for (group, arrays) in layer.groups {
        let vars = base + (group.isEmpty ? "" : "/" + group) + "/vars"
        for (index, given) in arrays.enumerated() {
          let tensor = "\(vars)/\(index)"
          // Keras has a form of its own for bfloat16, which HDF5 does not know; Float32 says the same.
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
