"""moto's server as an AWS account that a synthesized template can be deployed to, on a port that is the first argument.

What moto 5.2.1 has wrong for that, or cannot do without Docker, is put right from outside, here. The second argument is
the address of the computers that moto does not have: Lambda functions and Batch jobs run there (`compute.ts`).
"""

import sys

from moto.awslambda.models import LambdaVersion, lambda_backends
from moto.batch.models import ComputeEnvironment, JobDefinition, JobQueue, batch_backends
from moto.cloudwatch.models import cloudwatch_backends
from moto.core.common_models import CloudFormationModel
from moto.core.config import default_user_config
from moto.events.models import Rule
from moto.iam.models import iam_backends
from moto.kms.models import KmsBackend
from moto.s3 import notifications
from moto.s3.models import FakeBucket, s3_backends
from moto.scheduler.models import scheduler_backends
from moto.server import main
from moto.sqs.models import Queue
from moto.stepfunctions import models
from moto.stepfunctions.models import StateMachine
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import state_task_service_batch
from moto.stepfunctions.parser.asl.utils import boto_client
from moto.stepfunctions.parser.models import stepfunctions_parser_backends
from moto.utilities.utils import get_partition

port, compute = sys.argv[1:3]

# Executions run, by a real interpreter of the language.
default_user_config["stepfunctions"]["execute_state_machine"] = True


def client_for(region, service, state_credentials=None):
    """A client of another service, as a state has it: functions and jobs are asked for at `compute`."""
    import boto3
    from botocore.config import Config

    elsewhere = service in ("lambda", "batch")
    return boto3.client(
        service,
        region_name=region,
        endpoint_url=compute if elsewhere else f"http://localhost:{port}",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(
            parameter_validation=False,
            retries={"max_attempts": 0, "total_max_attempts": 1},
            connect_timeout=60,
            read_timeout=900,
            max_pool_connections=64,
        ),
    )


boto_client.boto_client_for = client_for
lambda_eval_utils.boto_client_for = client_for
state_task_service_batch.boto_client_for = client_for

# A state's parameters that moto does not know, it drops: fair share is one of them.
state_task_service_batch._SUPPORTED_API_PARAM_BINDINGS["submitjob"] |= {"ShareIdentifier", "SchedulingPriorityOverride"}


def submit(self, env, resource_runtime_part, normalised_parameters, state_credentials):
    """moto hands a state's parameters on in the casing of the language, which the service does not know."""
    client = client_for(resource_runtime_part.region, "batch")
    known = {key[0].lower() + key[1:]: value for key, value in normalised_parameters.items()}
    overrides = known.pop("containerOverrides", None)
    if overrides:
        known["containerOverrides"] = {
            "environment": [{"name": e["Name"] if "Name" in e else e["name"], "value": e["Value"] if "Value" in e else e["value"]} for e in overrides.get("Environment", [])],
            "resourceRequirements": [{"type": r["Type"], "value": r["Value"]} for r in overrides.get("ResourceRequirements", [])],
        }
    response = client.submit_job(**known)
    env.stack.append({"JobArn": response["jobArn"], "JobId": response["jobId"], "JobName": response["jobName"]})


state_task_service_batch.StateTaskServiceBatch._eval_service_task = submit


def without_executions(self, memo):
    """A machine is copied for each execution; its earlier ones hold locks, which cannot be copied."""
    copied = self.__class__.__new__(self.__class__)
    copied.__dict__.update(self.__dict__)
    copied.executions = []
    return copied


StateMachine.__deepcopy__ = without_executions

# Templates make their machines in the service that runs none of them.
models.stepfunctions_backends = stepfunctions_parser_backends
machine_by_template_of_moto = StateMachine.create_from_cloudformation_json.__func__


def machine_by_template(cls, resource_name, cloudformation_json, account_id, region_name, **kwargs):
    """What stands for a name in the definition is put in its place."""
    properties = cloudformation_json["Properties"]
    definition = properties["DefinitionString"]
    for name, value in properties.get("DefinitionSubstitutions", {}).items():
        definition = definition.replace("${" + name + "}", value)
    properties["DefinitionString"] = definition
    return machine_by_template_of_moto(cls, resource_name, cloudformation_json, account_id, region_name, **kwargs)


StateMachine.create_from_cloudformation_json = classmethod(machine_by_template)



def version_by_template(cls, resource_name, cloudformation_json, account_id, region_name, **kwargs):
    """A version is referred to by its ARN; moto's by nothing."""
    function = cloudformation_json["Properties"]["FunctionName"]
    published = lambda_backends[account_id][region_name].publish_version(function)
    made = cls({"Version": published.version})
    made.physical_resource_id = published.function_arn
    made.type = "AWS::Lambda::Version"
    return made


LambdaVersion.create_from_cloudformation_json = classmethod(version_by_template)

# Queues are polled from outside, as the real service does it: here one would push each message, and lose what fails.
Queue.lambda_event_source_mappings = property(lambda self: {}, lambda self, mappings: None)

made_by_template = FakeBucket.create_from_cloudformation_json.__func__


def bucket_by_template(cls, resource_name, cloudformation_json, account_id, region_name, **kwargs):
    """A template's bucket keeps its versions, and tells EventBridge, where the template says so."""
    bucket = made_by_template(cls, resource_name, cloudformation_json, account_id, region_name, **kwargs)
    properties = cloudformation_json.get("Properties", {})
    backend = s3_backends[account_id][get_partition(region_name)]
    status = properties.get("VersioningConfiguration", {}).get("Status")
    if status is not None:
        backend.put_bucket_versioning(bucket.name, status)
    events = properties.get("NotificationConfiguration", {}).get("EventBridgeConfiguration")
    if events is not None:
        bucket.set_notification_configuration({"EventBridgeConfiguration": {}})
    return bucket


FakeBucket.create_from_cloudformation_json = classmethod(bucket_by_template)



def resource_type(of_type, make):
    """A kind of resource that moto's services have and its templates do not."""

    def create(cls, resource_name, cloudformation_json, account_id, region_name, **kwargs):
        made = make(resource_name, cloudformation_json.get("Properties", {}), account_id, region_name)
        made.physical_resource_id = getattr(made, "name", resource_name)
        made.type = of_type
        made.get_cfn_attribute = lambda name: made.arn
        made.is_created = lambda: True
        return made

    members = {
        "cloudformation_name_type": staticmethod(lambda: "Name"),
        "cloudformation_type": staticmethod(lambda: of_type),
        "has_cfn_attr": classmethod(lambda cls, attribute: True),
        "create_from_cloudformation_json": classmethod(create),
    }
    kinds.append(type(of_type.replace(":", ""), (CloudFormationModel,), members))


# A subclass is what moto finds templates' resources by, for as long as somebody holds it.
kinds = []


def scheduling_policy(name, properties, account_id, region_name):
    policy = properties.get("FairsharePolicy", {})
    return batch_backends[account_id][region_name].create_scheduling_policy(name, policy, {})


def schedule_group(name, properties, account_id, region_name):
    return scheduler_backends[account_id][region_name].create_schedule_group(name, [])


def alarm(name, properties, account_id, region_name):
    made = cloudwatch_backends[account_id][region_name].put_metric_alarm(
        name=name,
        namespace=properties.get("Namespace"),
        metric_name=properties.get("MetricName"),
        comparison_operator=properties["ComparisonOperator"],
        evaluation_periods=properties["EvaluationPeriods"],
        period=properties.get("Period"),
        threshold=properties["Threshold"],
        statistic=properties.get("Statistic"),
        description=properties["AlarmDescription"],
        dimensions=[],
        alarm_actions=properties["AlarmActions"],
        treat_missing_data=properties["TreatMissingData"],
    )
    made.arn = made.alarm_arn
    return made


resource_type("AWS::Batch::SchedulingPolicy", scheduling_policy)
resource_type("AWS::CloudWatch::Alarm", alarm)
resource_type("AWS::Scheduler::ScheduleGroup", schedule_group)

# The one attribute that a template asks of Batch's resources is their ARN.
for resource in (ComputeEnvironment, JobQueue, JobDefinition):
    resource.get_cfn_attribute = lambda self, name: self.arn

rule_sends = Rule.send_to_targets


def heard_by_rule(self, event, transform_input=True):
    """A rule that follows the clock hears of no event; moto's hears of all."""
    if self.scheduled_expression is None:
        rule_sends(self, event, transform_input)


Rule.send_to_targets = heard_by_rule

sequencer = 0
send_event = notifications._send_event_bridge_message


def s3_event(account_id, bucket, event_name, key):
    """S3's events name the ETag "etag", and each has a later sequencer; moto's say otherwise."""
    global sequencer
    sequencer += 1
    from moto.events.models import events_backends
    from moto.events.utils import _BASE_EVENT_MESSAGE
    import copy, time

    event = copy.deepcopy(_BASE_EVENT_MESSAGE)
    event.update({"detail-type": notifications._detail_type(event_name), "source": "aws.s3", "account": account_id})
    event.update({"time": time.time(), "region": bucket.region_name, "resources": [bucket.arn]})
    this = {"key": key.name, "size": key.size, "etag": key.etag.replace('"', ""), "sequencer": f"{sequencer:018X}"}
    if bucket.is_versioned:
        this["version-id"] = key.version_id
    event["detail"] = {"version": "0", "bucket": {"name": bucket.name}, "object": this, "reason": event_name.split(":")[1]}
    for bus in events_backends[account_id][bucket.region_name].event_buses.values():
        for rule in bus.rules.values():
            rule.send_to_targets(event, transform_input=False)


notifications._send_event_bridge_message = s3_event

ComputeEnvironment_from_template = ComputeEnvironment.create_from_cloudformation_json.__func__


def environment_by_template(cls, resource_name, cloudformation_json, account_id, region_name, **kwargs):
    """The type in either case; Batch's service-linked role where none is named."""
    properties = cloudformation_json["Properties"]
    properties["Type"] = properties["Type"].upper()
    if "ServiceRole" not in properties:
        iam = iam_backends[account_id][get_partition(region_name)]
        linked = [role for role in iam.roles.values() if role.name.lower() == "awsserviceroleforbatch"]
        properties["ServiceRole"] = (linked[0] if linked else iam.create_service_linked_role("batch.amazonaws.com", "", None)).arn
    return ComputeEnvironment_from_template(cls, resource_name, cloudformation_json, account_id, region_name, **kwargs)


ComputeEnvironment.create_from_cloudformation_json = classmethod(environment_by_template)

kms_tag_resource = KmsBackend.tag_resource


def tagged(self, key_id_or_arn, tags):
    """A template's tags are called Key and Value; those of the KMS call TagKey and TagValue."""
    named = [{"TagKey": t.get("TagKey", t.get("Key")), "TagValue": t.get("TagValue", t.get("Value"))} for t in tags]
    kms_tag_resource(self, key_id_or_arn, named)


KmsBackend.tag_resource = tagged

main(["-H", "127.0.0.1", "-p", port])
