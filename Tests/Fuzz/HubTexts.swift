import Aviary
import AviaryHub

/// Texts of hubs and tables, each headed by a line that says what it is.
enum HubTexts {
  static let all: [[UInt8]] = [
    """
    description
    {"config": {"architectures": ["ResNetForImageClassification"], "depths": [3, 4, 6, 3], "hidden_act": "relu",
     "id2label": {"0": "tench", "1": "goldfish", "2": "tench"}, "layer_type": "bottleneck", "model_type": "resnet"},
     "preprocessor": {"crop_pct": 0.875, "do_resize": true, "feature_extractor_type": "ConvNextFeatureExtractor",
     "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225], "resample": 3, "size": 224}}
    """,
    """
    description
    {"config": {"model_type": "vit", "hidden_size": 768, "num_hidden_layers": 12, "patch_size": 16, "layer_norm_eps": 1e-12},
     "preprocessor": {"do_center_crop": true, "crop_size": {"height": 224, "width": 224}, "size": {"shortest_edge": 256},
     "image_processor_type": "MobileNetV2ImageProcessor", "rescale_factor": 0.0039, "resample": 2}}
    """,
    """
    description
    {"config": {"architecture": "mobilenetv2_100.ra_in1k", "num_classes": 1000, "label_names": ["a", "b"], "pretrained_cfg":
     {"tag": "ra_in1k", "input_size": [3, 224, 224], "interpolation": "bicubic", "crop_pct": 0.875, "crop_mode": "squash",
     "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}}}
    """,
    """
    listing
    {"sha": "0123abcd", "siblings": [{"rfilename": "config.json", "size": 12, "blobId":
     "0123456789012345678901234567890123456789"}, {"rfilename": "model.safetensors", "size": 99, "lfs": {"sha256":
     "0123456789012345678901234567890123456789012345678901234567890123", "size": 99}}]}
    """,
    """
    table
    {"name": "a-imagenet-v1", "alias": "a", "architecture": "resnet18", "url": "https://h/a-12345678.pth", "mib": 1.5,
     "sha256_prefix": "12345678", "classes": ["x", "y"], "resize": 256, "crop": 224, "interpolation": "bilinear", "top1": 5.5}
    {"name": "data:d", "files": [{"file": "x.gz", "urls": ["https://h/x", "http://h/y"], "bytes": 3, "md5":
     "01234567890123456789012345678901"}], "place": "x.gz", "members": ["a/b.bin"]}
    """,
  ].map { text in
    // A table has a row on each line, the others are one value.
    var lines = text.split(separator: "\n").map(String.init)
    if lines[0] == "table" {
      lines =
        ["table"] + lines.dropFirst().joined().replacing("}{", with: "}\n{").split(separator: "\n").map(String.init)
    }
    return Array(lines.joined(separator: "\n").utf8)
  }

  static func read(_ bytes: [UInt8]) {
    guard let end = bytes.firstIndex(of: 10) else { return }
    let (heading, text) = (String(decoding: bytes[..<end], as: UTF8.self), Array(bytes[(end + 1)...]))
    switch heading {
    case "table":
      for entry in (try? PublishedTable.entries(text, path: "table")) ?? [] {
        _ = entry.card.serialized
        if let preprocessing = entry.preprocessing { _ = try? InputPreparation(json: preprocessing) }
      }
    case "listing":
      guard let json = try? JSONValue(parsing: text) else { return }
      _ = try? HubRepository(json, root: "https://h", address: "h").weights(nil, of: HubName("hf:o/n"))
    default:
      guard let json = try? JSONValue(parsing: text), let config = json["config"],
        let description = HubDescription(config, preprocessor: json["preprocessor"])
      else { return }
      if let preprocessing = description.preprocessing { _ = try? InputPreparation(json: preprocessing) }
      guard let architecture = Registry.zoo.architecture(for: description), architecture.name.hasPrefix("mobilenet")
      else { return }
      var checkpoint = Checkpoint()
      checkpoint.hub = description
      checkpoint.set(StoredArray([1.0 as Float], shape: [1]), at: "conv_stem.weight")
      _ = try? Registry.zoo.recognized(checkpoint, path: "file")
    }
  }
}
