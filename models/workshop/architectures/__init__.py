"""One file per architecture; `build` is the only way the programs get at them."""

from . import attention_unet, deeplabv3_resnet50, encoder_unet, fcn_resnet50, transunet, unet2d, unet3d, unetpp

ARCHITECTURES = {
    "unet2d": unet2d.UNet2d,
    "unet3d": unet3d.UNet3d,
    "unetpp": unetpp.UNetPlusPlus,
    "transunet": transunet.TransUNet,
    "fcn_resnet50": fcn_resnet50.FcnResNet50,
    "deeplabv3_resnet50": deeplabv3_resnet50.DeepLabV3ResNet50,
    "attention_unet": attention_unet.AttentionUNet,
    "encoder_unet": encoder_unet.EncoderUNet,
}


def build(settings):
    """The network named in a config's `architecture`, with random weights."""
    arguments = dict(settings)
    return ARCHITECTURES[arguments.pop("name")](**arguments)
