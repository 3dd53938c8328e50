import ArgumentParser
import Aviary

/// `--augment`: none, standard, or a list of changes with their strengths, such as `standard,rotation=15,erasing=0.25`.
struct AugmentationArgument: ExpressibleByArgument {
  /// Nil for no changes at all.
  let augmentation: Augmentation?

  init?(argument: String) {
    if argument == "none" {
      augmentation = nil
      return
    }
    // Without `standard` the whole picture is kept.
    var result = Augmentation(scale: 1...1, ratio: 1...1, flipProbability: 0)
    var affine = RandomAffine()
    var jitter = ColorJitter()
    for item in argument.split(separator: ",", omittingEmptySubsequences: false) {
      let parts = item.split(separator: "=", maxSplits: 1)
      guard let name = parts.first else { return nil }
      if parts.count == 1 {
        switch name {
        case "standard":
          (result.scale, result.ratio) = (Augmentation.standard.scale, Augmentation.standard.ratio)
          result.flipProbability = Augmentation.standard.flipProbability
        case "flip": result.flipProbability = 0.5
        case "vertical-flip": result.verticalFlipProbability = 0.5
        default: return nil
        }
        continue
      }
      guard let value = Double(parts[1]) else { return nil }
      switch name {
      case "rotation": affine.rotation = value
      case "shift": affine.shift = value
      case "shear": affine.shear = value
      case "zoom":
        guard value >= 0, value < 1 else { return nil }
        affine.zoom = (1 - value)...(1 + value)
      case "brightness": jitter.brightness = value
      case "contrast": jitter.contrast = value
      case "saturation": jitter.saturation = value
      case "hue": jitter.hue = value
      case "noise": result.noise = value
      case "erasing": result.erasing = RandomErasing(probability: value)
      default: return nil
      }
    }
    if affine != RandomAffine() { result.affine = affine }
    if jitter != ColorJitter() { result.jitter = jitter }
    augmentation = result
  }
}
